"""Live Link Face CSV files: text in, face frames out, and back.

Timecode,BlendshapeCount,EyeBlinkLeft,...,RightEyeRoll
19:18:11:20.002,61,0.0374431610,...,-0.0015692753

Timecode is HH:MM:SS:FF.mmm: hours, minutes, seconds, frame of the second, thousandths of a frame. A camera is no clock
(the one above makes 59.9 frames a second), so the timecodes tell when a row was, not its number. NeuroSync's
`shapes.csv` writes thousandths of the second in their place, and rounds the frame down twice, so that it repeats.

The app's header has JawRight before JawLeft and MouthRight before MouthLeft, the other way round than the datagram;
columns are therefore mapped by name, whatever their order. NeuroSync's `shapes.csv` adds seven emotions in percent
(`services.media.formats.emotion_percent`).

Source: recordings of the Live Link Face app (Epic Games) in ARKit mode.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from services.common.errors import BadRequestError
from services.common.types import FRAME_RATE
from services.media.curves import CURVE_COUNT, CURVE_NAMES, INDEX, columns
from services.media.emotions import EMOTION_NAMES, emotion_columns
from services.media.formats.emotion_percent import from_percent, to_percent
from services.media.frames import Frames

MAX_FRAMES = 3600 * FRAME_RATE  # one hour; more is no take, and would fill the memory
MAX_LINE = 1 << 14  # characters; the app's lines have about 900
_RATES = (24, 25, 30, 48, 50, 60, 120, 240)  # hertz, at which cameras record
_TIMECODE = re.compile(r"(\d{1,2}):(\d{1,2}):(\d{1,2})[:;](\d{1,3})(?:\.(\d{1,3}))?", re.ASCII)
_DAY = 24 * 60 * 60  # seconds
MAX_GAP = 10.0  # seconds between two rows; more is no recording that can be played, or its timecodes are wrong

_SWAPPED: Final = {"JawLeft": "JawRight", "JawRight": "JawLeft", "MouthLeft": "MouthRight", "MouthRight": "MouthLeft"}
CSV_NAMES: Final = tuple(_SWAPPED.get(name, name) for name in CURVE_NAMES)
"""The curves in the app's column order."""


def read_csv(path: Path) -> Frames:
    """Read a recording: weights, emotions where it has them, and the times and the rate that its timecodes show.

    Timecodes that do not grow, or that are missing, are left out: the rows then follow each other at the rate (60 Hz).

    Raises:
        BadRequestError: There is no such file, a curve is missing, or a value is wrong; it names line and column.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            return _read(str(path), lines)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        seen = error.strerror if isinstance(error, OSError) else str(error)
        raise BadRequestError(str(path), seen, "a Live Link Face CSV file") from error


def write_csv(path: Path, frames: Frames, *, first_frame: int = 0) -> None:
    """Write frames as the app does, with emotions as NeuroSync does where there are some.

    Args:
        path: The file, replaced if it exists.
        frames: What to write; its rate must be a whole number of hertz.
        first_frame: Timecode of the first row, in frames since midnight, where the frames have no times of their own.
    """
    path.write_text(csv_text(frames, first_frame=first_frame), encoding="utf-8", newline="")


def csv_text(frames: Frames, *, first_frame: int = 0) -> str:
    """Return frames as the text of a CSV file; see `write_csv`."""
    names: Sequence[str] = CSV_NAMES
    values = frames.weights[:, [INDEX[name] for name in CSV_NAMES]]  # (frames, 61)
    if frames.emotions is not None:
        names = (*CSV_NAMES, *EMOTION_NAMES)
        values = np.concatenate([values, to_percent(frames.emotions)], axis=1)  # (frames, 68)
    rate = round(frames.rate)
    row = ",".join(["%s", str(len(names)), *["%.10f"] * len(names)])
    times = _row_times(frames, first_frame)
    text = io.StringIO()
    text.write(",".join(["Timecode", "BlendshapeCount", *names]) + "\n")
    for index, line in enumerate((values + 0.0).tolist()):  # adding zero drops the sign of -0.0
        text.write(row % (timecode(times[index], rate), *line) + "\n")
    return text.getvalue()


def timecode(frame: float, rate: int = FRAME_RATE) -> str:
    """Return the timecode of a frame since midnight at a whole rate (Hz), such as 00:00:01:00.500 for frame 60.5."""
    whole, thousandths = divmod(round(frame * 1000), 1000)
    seconds, part = divmod(whole, rate)
    return f"{seconds // 3600 % 24:02}:{seconds // 60 % 60:02}:{seconds % 60:02}:{part:02}.{thousandths:03}"


def _row_times(frames: Frames, first_frame: int) -> Sequence[float]:
    """Return the time of each row, in frames since midnight."""
    if frames.times is None:
        return range(first_frame, first_frame + len(frames))
    return [float(time) for time in frames.times * round(frames.rate)]


def _read(name: str, lines: io.TextIOBase | Sequence[str]) -> Frames:
    rows = csv.reader(
        line if len(line) <= MAX_LINE else _too_long(name, number) for number, line in enumerate(lines, 1)
    )
    header = [cell.strip() for cell in next(rows, [])]
    position = _curve_columns(name, header)
    emotions = emotion_columns(header)
    wanted = position if emotions is None else np.concatenate([position, emotions])
    codes: list[str] = []
    values: list[list[float]] = []
    for row in rows:
        if not row:
            continue
        if len(values) == MAX_FRAMES:
            raise BadRequestError(name, f"more than {MAX_FRAMES} rows", "at most one hour of frames")
        if len(row) != len(header):
            raise BadRequestError(f"{name} line {rows.line_num}", f"{len(row)} columns", f"{len(header)} columns")
        values.append(_numbers(f"{name} line {rows.line_num}", header, row, wanted))
        codes.append(row[0])
    table = np.array(values, np.float32).reshape(len(values), len(wanted))
    rate, times = _times_of(codes) if header[0].lower() == "timecode" else (FRAME_RATE, None)
    strengths = None if emotions is None else from_percent(table[:, CURVE_COUNT:])
    return Frames(table[:, :CURVE_COUNT], strengths, rate, times)


def _too_long(name: str, number: int) -> str:
    raise BadRequestError(f"{name} line {number}", f"more than {MAX_LINE} characters", "a line of 61 or 68 curves")


def _curve_columns(name: str, header: list[str]) -> npt.NDArray[np.intp]:
    """Return the column of each curve, shape (61,)."""
    duplicates = [curve for curve, count in Counter(cell.lower() for cell in header).items() if count > 1 and curve]
    if duplicates:
        raise BadRequestError(f"{name} header", f"column {duplicates[0]!r} twice", "each column once")
    position = columns(header)
    missing = [curve for curve, column in zip(CURVE_NAMES, position, strict=True) if column < 0]
    if missing:
        seen = f"no column {missing[0]}" + (f" and {len(missing) - 1} others" if len(missing) > 1 else "")
        raise BadRequestError(f"{name} header", seen, f"the {CURVE_COUNT} ARKit curves")
    return position


def _numbers(where: str, header: list[str], row: list[str], wanted: npt.NDArray[np.intp]) -> list[float]:
    """Return the wanted cells of a row as numbers."""
    try:
        values = [float(row[column]) for column in wanted]
    except ValueError:
        values = [float("nan")]
    if np.isfinite(values).all():
        return values
    column = next(column for column in wanted if not _is_finite(row[column]))
    raise BadRequestError(f"{where} column {header[column]}", row[column], "a finite number")


def _is_finite(cell: str) -> bool:
    try:
        return bool(np.isfinite(float(cell)))
    except ValueError:
        return False


def _times_of(codes: Sequence[str]) -> tuple[float, npt.NDArray[np.float64] | None]:
    """Return the rate (Hz) that timecodes show, and their times in seconds; None if they are of no use."""
    found = [_TIMECODE.fullmatch(code.strip()) for code in codes]
    if not codes or not all(found):
        return FRAME_RATE, None
    parts = np.array([[float(cell or 0) for cell in match.groups()] for match in found if match])  # (rows, 5)
    seconds, frames, thousandths = parts[:, :3] @ (3600, 60, 1), parts[:, 3], parts[:, 4]
    rate = _rate_of(seconds, frames)
    if np.abs(thousandths - frames * 1000 / FRAME_RATE).max() <= 1.5 * 1000 / FRAME_RATE and thousandths.any():
        return FRAME_RATE, None  # NeuroSync's: its rows are even, and its thousandths those of the second
    times = seconds + (frames + thousandths / 1000) / rate
    times = times + _DAY * np.cumsum(np.diff(times, prepend=times[0]) < -_DAY / 2)  # over midnight
    steps = np.diff(times)
    if len(steps) and not (steps.min() > 0 and steps.max() < MAX_GAP):
        return rate, None
    return rate, times


def _rate_of(seconds: npt.NDArray[np.float64], frames: npt.NDArray[np.float64]) -> float:
    """Return the rate (Hz) that the frame numbers show; only the end of a second tells."""
    last = frames[:-1][np.diff(seconds) == 1]  # the last frames of their seconds
    if not len(last):
        return FRAME_RATE
    return next((rate for rate in _RATES if rate > last.max()), FRAME_RATE)
