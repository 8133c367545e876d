"""Lines, boxes and texts to a picture file: SVG as text, PNG as dots, both without a library of their own."""

from __future__ import annotations

import struct
import unicodedata
import zlib
from html import escape
from typing import Final, Literal, Protocol

import numpy as np
import numpy.typing as npt

Points = npt.NDArray[np.float64]
Anchor = Literal["start", "middle", "end"]

FINE = 2  # dots a pixel each way while a PNG is drawn; more is smoother and takes the square of the time


class Canvas(Protocol):
    """What a picture is drawn on; positions are pixels from the top left corner."""

    def line(self, points: Points, colour: str, width: float = 1.2) -> None:
        """Draw a line through `points`, shape (n, 2)."""

    def box(self, x: float, y: float, width: float, height: float, colour: str) -> None:
        """Fill a box."""

    def text(
        self, x: float, y: float, text: str, colour: str, *, anchor: Anchor = "start", room: float = np.inf
    ) -> None:
        """Write `text` on the baseline `y`, unless it is wider than `room`."""

    def encoded(self) -> bytes:
        """Return the file."""


class SvgCanvas:
    """Draws into SVG."""

    def __init__(self, width: int, height: int, background: str) -> None:
        self._parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" '
            'font-size="11" role="img">',
            f'<rect width="{width}" height="{height}" fill="{background}"/>',
        ]

    def line(self, points: Points, colour: str, width: float = 1.2) -> None:
        """Draw a line."""
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points.tolist())
        self._parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="{width:g}"/>')

    def box(self, x: float, y: float, width: float, height: float, colour: str) -> None:
        """Fill a box."""
        self._parts.append(f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" fill="{colour}"/>')

    def text(
        self, x: float, y: float, text: str, colour: str, *, anchor: Anchor = "start", room: float = np.inf
    ) -> None:
        """Write a text."""
        if 6.0 * len(text) <= room:  # about, as the viewer chooses the letters
            shown = escape("".join(character for character in text if character.isprintable()))
            self._parts.append(f'<text x="{x:.1f}" y="{y:.1f}" fill="{colour}" text-anchor="{anchor}">{shown}</text>')

    def encoded(self) -> bytes:
        """Return the file."""
        return "\n".join([*self._parts, "</svg>", ""]).encode()


class PngCanvas:
    """Draws into dots, twice as fine as the picture, and averages them."""

    def __init__(self, width: int, height: int, background: str) -> None:
        self._dots = np.empty((height * FINE, width * FINE, 3), np.uint8)
        self._dots[:] = _rgb(background)

    def line(self, points: Points, colour: str, width: float = 1.2) -> None:
        """Draw a line."""
        if len(points) < 1:
            return
        steps = np.hypot(*np.diff(points, axis=0).T) if len(points) > 1 else np.zeros(0)
        along = np.concatenate([[0.0], np.cumsum(steps)])
        fine = np.arange(0, along[-1] + 0.25, 0.25)  # a point every half dot leaves no hole
        self._stamp(np.stack([np.interp(fine, along, points[:, axis]) for axis in (0, 1)], axis=1), colour, width)

    def box(self, x: float, y: float, width: float, height: float, colour: str) -> None:
        """Fill a box."""
        x0, y0, x1, y1 = (max(0, round(FINE * value)) for value in (x, y, x + width, y + height))
        self._dots[y0 : max(y1, y0 + 1), x0 : max(x1, x0 + 1)] = _rgb(colour)

    def text(
        self, x: float, y: float, text: str, colour: str, *, anchor: Anchor = "start", room: float = np.inf
    ) -> None:
        """Write a text."""
        plain = unicodedata.normalize("NFKD", text)
        shown = [character for character in plain if not unicodedata.combining(character)]
        width = len(shown) * _ADVANCE
        if width > room:
            return
        x -= {"start": 0.0, "middle": width / 2, "end": width}[anchor]
        for character in shown:
            for stroke in _GLYPHS.get(character, _UNKNOWN).split(","):
                numbers = [int(digit) for digit in stroke.replace(" ", "")]
                points = np.array(numbers, float).reshape(-1, 2) * _SCALE + (x, y - 6 * _SCALE)
                self.line(points, colour, 1.1)
            x += _ADVANCE

    def encoded(self) -> bytes:
        """Return the file."""
        height, width = self._dots.shape[0] // FINE, self._dots.shape[1] // FINE
        pixels = self._dots.reshape(height, FINE, width, FINE, 3).mean(axis=(1, 3)).round().astype(np.uint8)
        rows = np.concatenate([np.zeros((height, 1), np.uint8), pixels.reshape(height, -1)], axis=1)  # 0: no filter
        header = struct.pack("!IIBBBBB", width, height, 8, 2, 0, 0, 0)  # 8 bits, RGB
        chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows.tobytes(), 9)), (b"IEND", b""))
        return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, body) for name, body in chunks)

    def _stamp(self, points: Points, colour: str, width: float) -> None:
        size = max(1, round(width * FINE))
        corner = np.rint(points * FINE - (size - 1) / 2).astype(int)
        height, across = self._dots.shape[:2]
        for dy in range(size):
            for dx in range(size):
                x, y = corner[:, 0] + dx, corner[:, 1] + dy
                inside = (x >= 0) & (x < across) & (y >= 0) & (y < height)
                self._dots[y[inside], x[inside]] = _rgb(colour)


def _rgb(colour: str) -> tuple[int, int, int]:
    """Return the parts of a colour such as #0f7b83."""
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack("!I", len(body)) + name + body + struct.pack("!I", zlib.crc32(name + body))


_SCALE, _ADVANCE = 1.15, 6.4  # pixels of a step of the letters' grid, and from one letter to the next
_BOWL = "10 30 41 45 36 16 05 01 10"
_UNKNOWN = "01 41 46 06 01"
_GLYPHS: Final = {
    " ": "", "A": "06 20 46,14 34", "B": "06 00 30 41 42 33 03,33 44 45 36 06", "C": "41 30 10 01 05 16 36 45",
    "D": "06 00 20 42 44 26 06", "E": "40 00 06 46,03 33", "F": "40 00 06,03 33", "G": "41 30 10 01 05 16 36 45 43 23",
    "H": "00 06,40 46,03 43", "I": "20 26,10 30,16 36", "J": "30 35 26 16 05", "K": "00 06,40 03 46", "L": "00 06 46",
    "M": "06 00 23 40 46", "N": "06 00 46 40", "O": _BOWL, "P": "06 00 30 41 42 33 03", "Q": f"{_BOWL},24 46",
    "R": "06 00 30 41 42 33 03,23 46", "S": "41 30 10 01 02 13 33 44 45 36 16 05", "T": "00 40,20 26",
    "U": "00 05 16 36 45 40", "V": "00 26 40", "W": "00 16 23 36 40", "X": "00 46,40 06", "Y": "00 23 40,23 26",
    "Z": "00 40 06 46", "a": "12 32 43 46,44 14 05 16 36 45", "b": "00 06,03 12 32 43 45 36 16 05",
    "c": "43 32 12 03 05 16 36 45", "d": "40 46,43 32 12 03 05 16 36 45", "e": "04 44 43 32 12 03 05 16 36 45",
    "f": "30 20 11 16,02 32", "g": "42 47 38 18 07,43 32 12 03 05 16 36 45", "h": "00 06,03 12 32 43 46",
    "i": "22 26,20 20", "j": "22 27 18 08,20 20", "k": "00 06,32 04 36", "l": "20 26",
    "m": "02 06,03 12 23 26,23 32 43 46", "n": "02 06,03 12 32 43 46", "o": "12 32 43 45 36 16 05 03 12",
    "p": "02 08,03 12 32 43 45 36 16 05", "q": "42 48,43 32 12 03 05 16 36 45", "r": "02 06,03 12 32",
    "s": "42 12 03 14 34 45 36 06", "t": "10 15 26 36,02 32", "u": "02 05 16 36 45 42,45 46", "v": "02 26 42",
    "w": "02 16 24 36 42", "x": "02 46,42 06", "y": "02 26,42 26 08", "z": "02 42 06 46", "0": f"{_BOWL},41 05",
    "1": "11 20 26,16 36", "2": "01 10 30 41 42 06 46", "3": "01 10 30 41 42 33 44 45 36 16 05,13 33",
    "4": "36 30 04 44", "5": "40 00 03 33 44 45 36 06", "6": "40 20 02 05 16 36 45 44 33 13 04", "7": "00 40 16",
    "8": "10 30 41 42 33 13 02 01 10,13 04 05 16 36 45 44 33", "9": "06 26 44 41 30 10 01 02 13 33 42",
    ".": "26 26", ",": "26 17", ":": "22 22,25 25", ";": "22 22,25 16", "-": "13 33", "+": "13 33,22 24", "_": "07 47",
    "%": "06 40,01 01,45 45", "(": "30 12 14 36", ")": "10 32 34 16", "'": "20 21", '"': "10 11,30 31", "/": "06 40",
    "!": "20 24,26 26", "?": "01 10 30 41 42 23 24,26 26", "\N{RIGHT SINGLE QUOTATION MARK}": "20 21",
}  # fmt: skip
"""Strokes of each letter, as pairs of column and row: capitals stand in rows 0 to 6, tails reach to 8."""
