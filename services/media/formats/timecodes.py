"""Timecodes of the Live Link Face app: text to the time and the frame rate of a recording, and back.

Timecode is HH:MM:SS:FF.mmm: hours, minutes, seconds, frame of the second, thousandths of a frame. A camera is no exact
clock (a phone at 60 Hz makes 59.9 frames a second), so the time of a row is its timecode, not its number. NeuroSync's
`shapes.csv` writes thousandths of the second instead, and rounds the frame down twice, so that some timecodes repeat.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from services.common.types import FRAME_RATE

MAX_GAP = 10.0  # seconds between two rows; a longer one means that the timecodes are wrong
_RATES = (24, 25, 30, 48, 50, 60, 120, 240)  # hertz, of cameras
_TIMECODE = re.compile(r"(\d{1,2}):(\d{1,2}):(\d{1,2})[:;](\d{1,3})(?:\.(\d{1,3}))?", re.ASCII)
_DAY = 24 * 60 * 60  # seconds


def format_timecode(frame: float, rate: int = FRAME_RATE) -> str:
    """Return the timecode of a frame since midnight at a whole rate (Hz), such as 00:00:01:00.500 for frame 60.5."""
    whole, thousandths = divmod(round(frame * 1000), 1000)
    seconds, part = divmod(whole, rate)
    return f"{seconds // 3600 % 24:02}:{seconds // 60 % 60:02}:{seconds % 60:02}:{part:02}.{thousandths:03}"


def recorded_times(codes: Sequence[str]) -> tuple[float, npt.NDArray[np.float64] | None]:
    """Return the frame rate (Hz) of timecodes, and their times in seconds since midnight; None for even steps.

    The steps are even where timecodes are missing, do not grow or have gaps of `MAX_GAP`, and in `shapes.csv`.
    """
    found = [_TIMECODE.fullmatch(code.strip()) for code in codes]
    if not codes or not all(found):
        return FRAME_RATE, None
    parts = np.array([[float(cell or 0) for cell in match.groups()] for match in found if match])  # (rows, 5)
    seconds, frames, thousandths = parts[:, :3] @ (3600, 60, 1), parts[:, 3], parts[:, 4]
    rate = _rate_of(seconds, frames)
    if np.abs(thousandths - frames * 1000 / FRAME_RATE).max() <= 1.5 * 1000 / FRAME_RATE and thousandths.any():
        return FRAME_RATE, None  # `shapes.csv` of NeuroSync: thousandths of the second
    times = seconds + (frames + thousandths / 1000) / rate
    times = times + _DAY * np.cumsum(np.diff(times, prepend=times[0]) < -_DAY / 2)  # over midnight
    steps = np.diff(times)
    if len(steps) and not (steps.min() > 0 and steps.max() < MAX_GAP):
        return rate, None
    return rate, times


def _rate_of(seconds: npt.NDArray[np.float64], frames: npt.NDArray[np.float64]) -> float:
    """Return the lowest camera rate (Hz) with room for the last frame number of each second."""
    last = frames[:-1][np.diff(seconds) == 1]  # the last frames of their seconds
    if not len(last):
        return FRAME_RATE
    return next((rate for rate in _RATES if rate > last.max()), FRAME_RATE)
