"""Codec of Live Link Face datagrams, packet version 6: one face pose each; without socket or clock.

All numbers are big endian; lengths count bytes of UTF-8, not characters.

offset     size  field
0          1     version, uint8, 6
1          4     length d of the device id, int32
5          d     device id
5+d        4     length s of the subject name, int32
9+d        s     subject name
9+d+s      4     frame of the timecode, int32: frames since local midnight
13+d+s     4     fraction of the frame, float32, 0 up to 1
17+d+s     4     frame rate, numerator, int32
21+d+s     4     frame rate, denominator, int32
25+d+s     1     number of curves, uint8, 61
26+d+s     244   61 curves, float32, in the order of `services.media.curves`

Source: Unreal's ARKit Live Link listener. It silently drops datagrams of 266 bytes or less, of another version, or
with another number of curves. (The "$" that some encoders put before the id is byte 36, the length of a UUID.)
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from services.media.curves import CURVE_COUNT

VERSION = 6
MIN_BYTES = 267  # Unreal requires more than 266
DAY_SECONDS = 24 * 60 * 60

_LENGTH = struct.Struct("!i")
_TIMING = struct.Struct("!ifiiB")


class LiveLinkError(ValueError):
    """Bytes that Unreal would drop; the message gives the reason."""


@dataclass(frozen=True)
class Datagram:
    """The fields of one datagram."""

    device_id: str
    subject: str
    frame: int
    """Frames since midnight."""
    sub_frame: float
    """Fraction of a frame, 0 up to 1."""
    rate: tuple[int, int]
    """Frames a second: numerator and denominator."""
    values: npt.NDArray[np.float32]
    """Curves, shape (61,)."""


class LiveLinkEncoder:
    """Encodes the datagrams of one subject into one buffer; the header is built once."""

    def __init__(self, subject: str, *, device_id: str) -> None:
        """Encode for `subject` (the name in Unreal) as the device `device_id` (a UUID suits)."""
        prefix = bytes([VERSION]) + _text(device_id) + _text(subject)
        self._at = len(prefix)
        self._buffer = bytearray(prefix + bytes(_TIMING.size + 4 * CURVE_COUNT))
        self._view = memoryview(self._buffer).toreadonly()
        self._values = np.frombuffer(self._buffer, ">f4", CURVE_COUNT, self._at + _TIMING.size)

    def encode(
        self, values: npt.NDArray[np.float32], *, frame: int, sub_frame: float, rate: tuple[int, int] = (60, 1)
    ) -> bytes:
        """Return the datagram of one pose; arguments and errors as `fill`."""
        return bytes(self.fill(values, frame=frame, sub_frame=sub_frame, rate=rate))

    def fill(
        self, values: npt.NDArray[np.float32], *, frame: int, sub_frame: float, rate: tuple[int, int] = (60, 1)
    ) -> memoryview:
        """Return the datagram of one pose as a view of the buffer, valid until the next call.

        Args:
            values: Curves, shape (61,), in the order of `services.media.curves`.
            frame: Frames since midnight.
            sub_frame: Fraction of a frame, 0 up to 1.
            rate: Frames a second, as numerator and denominator.

        Raises:
            ValueError: `values` has another shape.
        """
        if values.shape != (CURVE_COUNT,):
            raise ValueError(f"expected {CURVE_COUNT} values, got shape {values.shape}")
        _TIMING.pack_into(self._buffer, self._at, frame, sub_frame, *rate, CURVE_COUNT)
        self._values[:] = values
        return self._view


def decode(data: bytes) -> Datagram:
    """Return the fields of a datagram.

    Raises:
        LiveLinkError: Unreal would drop it.
    """
    if len(data) < MIN_BYTES:
        raise LiveLinkError(f"expected at least {MIN_BYTES} bytes, got {len(data)}")
    if data[0] != VERSION:
        raise LiveLinkError(f"expected version {VERSION}, got {data[0]}")
    device_id, at = _read_text(data, 1)
    subject, at = _read_text(data, at)
    if len(data) != (expected := at + _TIMING.size + 4 * CURVE_COUNT):
        raise LiveLinkError(f"expected {expected} bytes, got {len(data)}")
    frame, sub_frame, numerator, denominator, count = _TIMING.unpack_from(data, at)
    if count != CURVE_COUNT:
        raise LiveLinkError(f"expected {CURVE_COUNT} curves, got {count}")
    values = np.frombuffer(data, ">f4", CURVE_COUNT, at + _TIMING.size).astype(np.float32)
    return Datagram(device_id, subject, frame, sub_frame, (numerator, denominator), values)


def timecode(seconds: float, rate: int = 60) -> tuple[int, float]:
    """Return the frame since midnight, and the fraction of it, at `seconds` since some midnight (any day)."""
    frames = (seconds % DAY_SECONDS) * rate
    whole = int(frames)
    return whole % (DAY_SECONDS * rate), frames - whole


def _text(text: str) -> bytes:
    data = text.encode()
    return _LENGTH.pack(len(data)) + data


def _read_text(data: bytes, at: int) -> tuple[str, int]:
    """Return the text whose length is at `at`, and the offset of its end."""
    if at + _LENGTH.size > len(data):
        raise LiveLinkError(f"expected a length at byte {at}, got the end")
    (length,) = _LENGTH.unpack_from(data, at)
    start = at + _LENGTH.size
    if not 0 <= length <= len(data) - start:
        raise LiveLinkError(f"expected a text of at most {len(data) - start} bytes at byte {start}, got {length}")
    try:
        return data[start : start + length].decode(), start + length
    except UnicodeDecodeError as error:
        raise LiveLinkError(f"expected UTF-8 at byte {start}") from error
