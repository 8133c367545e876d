"""Canvases that lines, boxes and texts are drawn on: SVG, written as text, and PNG, drawn by Pillow."""

from __future__ import annotations

import io
import unicodedata
from html import escape
from typing import Final, Literal, Protocol

import numpy as np
import numpy.typing as npt

from services.common.errors import UnavailableError

Points = npt.NDArray[np.float64]
Anchor = Literal["start", "middle", "end"]

FINE: Final = 4
"""Pixels drawn for each pixel of a PNG, each way. More is smoother, and takes the square of the time and memory."""
FONT_SIZE: Final = 11  # pixels
_PILLOW_ANCHORS: Final = {"start": "ls", "middle": "ms", "end": "rs"}  # left, middle or right, on the baseline


class Canvas(Protocol):
    """A picture that is being drawn; positions are pixels from the top left corner."""

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
            f'font-size="{FONT_SIZE}" role="img">',
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
        if 6.0 * len(text) <= room:  # an estimate, as the viewer chooses the font
            shown = escape(_printable(text))
            self._parts.append(f'<text x="{x:.1f}" y="{y:.1f}" fill="{colour}" text-anchor="{anchor}">{shown}</text>')

    def encoded(self) -> bytes:
        """Return the file."""
        return "\n".join([*self._parts, "</svg>", ""]).encode()


class PngCanvas:
    """Draws into a PNG with Pillow, at `FINE` times the size of the picture, and averages the pixels."""

    def __init__(self, width: int, height: int, background: str) -> None:
        """Begin a picture.

        Raises:
            UnavailableError: Pillow is not installed.
        """
        try:
            from PIL import Image, ImageDraw, ImageFont
        except ImportError as error:
            raise UnavailableError(
                'a .png picture needs Pillow, which is not installed: pip install "neurosync[pictures]" adds it; '
                "an .svg picture needs nothing"
            ) from error
        self._image = Image.new("RGB", (width * FINE, height * FINE), background)
        self._draw = ImageDraw.Draw(self._image)
        self._font = ImageFont.load_default(FONT_SIZE * FINE)

    def line(self, points: Points, colour: str, width: float = 1.2) -> None:
        """Draw a line."""
        corners = [(FINE * x, FINE * y) for x, y in points.tolist()]
        if corners:
            self._draw.line(corners, colour, max(1, round(FINE * width)), joint="curve")

    def box(self, x: float, y: float, width: float, height: float, colour: str) -> None:
        """Fill a box."""
        left, top = round(FINE * x), round(FINE * y)
        right, bottom = round(FINE * (x + width)) - 1, round(FINE * (y + height)) - 1  # the last pixels inside it
        self._draw.rectangle((left, top, max(left, right), max(top, bottom)), colour)

    def text(
        self, x: float, y: float, text: str, colour: str, *, anchor: Anchor = "start", room: float = np.inf
    ) -> None:
        """Write a text."""
        shown = "".join(  # the font has no accented letters
            character
            for character in unicodedata.normalize("NFKD", _printable(text))
            if not unicodedata.combining(character)
        )
        if self._font.getlength(shown) <= FINE * room:
            self._draw.text((FINE * x, FINE * y), shown, colour, self._font, anchor=_PILLOW_ANCHORS[anchor])

    def encoded(self) -> bytes:
        """Return the file."""
        data = io.BytesIO()
        self._image.reduce(FINE).save(data, "PNG", optimize=True)
        return data.getvalue()


def _printable(text: str) -> str:
    return "".join(character for character in text if character.isprintable())
