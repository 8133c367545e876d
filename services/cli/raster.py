"""A small picture in memory: areas, lines and capital letters in, the bytes of a PNG file out. No library needed.

offset  size  field of a PNG file
 0       8    signature
 8             chunks: length of the data, uint32 big endian; a type of 4 letters; the data; CRC-32 of type and data
               IHDR: width, height, 8 bits a channel, colour type 2 (RGB), and three zeros
               IDAT: zlib of all rows, each after a byte that names its filter (0: none)
               IEND: empty

Source: PNG specification, W3C, third edition.
"""

from __future__ import annotations

import struct
import zlib

import numpy as np
import numpy.typing as npt

Colour = tuple[int, int, int]

WHITE: Colour = (255, 255, 255)
LETTER_ROWS, LETTER_COLUMNS = 7, 5
PITCH = LETTER_COLUMNS + 1
_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUV"
_LETTERS = dict(
    part.split("=")
    for part in (
        "A=EHHVHHH B=UHHUHHU C=EHGGGHE D=UHHHHHU E=VGGUGGV F=VGGUGGG G=EHGNHHE H=HHHVHHH I=E44444E J=72222IC K=HIKOKIH "
        "L=GGGGGGV M=HRLLHHH N=HHPLJHH O=EHHHHHE P=UHHUGGG Q=EHHHLID R=UHHUKIH S=FGGE11U T=V444444 U=HHHHHHE V=HHHHHA4 "
        "W=HHHLLLA X=HHA4AHH Y=HHA4444 Z=V1248GV 0=EHJLPHE 1=4C4444E 2=EH1248V 3=V2421HE 4=26AIV22 5=VGU11HE 6=68GUHHE "
        "7=V124888 8=EHHEHHE 9=EHHF12C .=00000CC -=000V000 :=0CC0CC0 /=01248G0 ,=0000C48 _=000000V (=2444442 )=8444448"
    ).split()
)
"""Letters as rows of five pixels, each a digit to the base 32, leftmost pixel first."""


class Picture:
    """An RGB picture, origin at the top left."""

    def __init__(self, width: int, height: int) -> None:
        """Start white; sizes in pixels."""
        self.pixels: npt.NDArray[np.uint8] = np.full((height, width, 3), WHITE, np.uint8)

    def fill(self, left: int, top: int, width: int, height: int, colour: Colour) -> None:
        """Fill a rectangle; what lies outside is left out."""
        self.pixels[max(0, top) : max(0, top + height), max(0, left) : max(0, left + width)] = colour

    def band(self, left: int, high: npt.NDArray[np.float64], low: npt.NDArray[np.float64], colour: Colour) -> None:
        """Fill, in columns from `left` on, the rows from `high` to `low`, shape (columns,), at least one pixel each."""
        rows = np.arange(len(self.pixels))[:, None]
        first = np.floor(high)
        inside = (rows >= first) & (rows <= np.maximum(np.floor(low), first))  # (height, columns)
        self.pixels[:, left : left + len(high)][inside] = colour

    def text(self, left: int, top: int, text: str, colour: Colour, scale: int = 1) -> None:
        """Write a line in capitals; what has no letter stays empty."""
        for place, letter in enumerate(text.upper()):
            for row, digit in enumerate(_LETTERS.get(letter, "")):
                bits = _DIGITS.index(digit)
                for column in range(LETTER_COLUMNS):
                    if bits >> (LETTER_COLUMNS - 1 - column) & 1:
                        x, y = left + (place * PITCH + column) * scale, top + row * scale
                        self.fill(x, y, scale, scale, colour)

    def png(self) -> bytes:
        """Return the picture as a file."""
        height, width, _ = self.pixels.shape
        rows = np.concatenate([np.zeros((height, 1), np.uint8), self.pixels.reshape(height, -1)], axis=1)
        head = struct.pack("!IIBBBBB", width, height, 8, 2, 0, 0, 0)
        chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(rows.tobytes(), 6)), (b"IEND", b""))
        return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in chunks)


def text_width(text: str, scale: int = 1) -> int:
    """Return how many pixels wide a line is."""
    return len(text) * PITCH * scale


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack("!I", len(data)) + kind + data + struct.pack("!I", zlib.crc32(kind + data))
