"""Live Link Face CSV files of face frames, read and written.

Timecode,BlendshapeCount,EyeBlinkLeft,...,RightEyeRoll
19:18:11:20.002,61,0.0374431610,...,-0.0015692753

Timecodes are those of `services.media.formats.timecodes`.

The app's header has JawRight before JawLeft and MouthRight before MouthLeft, the other way round than the datagram;
columns are therefore mapped by name, whatever their order. NeuroSync's `shapes.csv` adds seven emotions in percent
(`services.media.formats.emotion_percent`).

Source: recordings of the Live Link Face app (Epic Games) in ARKit mode.
"""

from __future__ import annotations

import csv
import io
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
from services.media.formats.timecodes import format_timecode, recorded_times
from services.media.frames import Frames

MAX_FRAMES = 3600 * FRAME_RATE  # one hour; more would fill the memory
MAX_LINE = 1 << 14  # characters; the app's lines have about 900

_SWAPPED: Final = {"JawLeft": "JawRight", "JawRight": "JawLeft", "MouthLeft": "MouthRight", "MouthRight": "MouthLeft"}
CSV_NAMES: Final = tuple(_SWAPPED.get(name, name) for name in CURVE_NAMES)
"""The curves in the app's column order."""


def read_csv(path: Path) -> Frames:
    """Read a recording: weights, emotions where it has them, and times and rate from its timecodes.

    Rows whose timecodes are missing or do not grow follow each other in even steps of the rate (60 Hz).

    Raises:
        BadRequestError: There is no such file, a curve is missing, or a value is wrong (line and column are named).
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            return _read(str(path), lines)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        seen = error.strerror if isinstance(error, OSError) else str(error)
        raise BadRequestError(str(path), seen, "a Live Link Face CSV file") from error


def write_csv(path: Path, frames: Frames, *, first_frame: int = 0) -> None:
    """Write frames in the format of the app, with emotion columns like NeuroSync's where there are some.

    Args:
        path: The file, replaced if it exists.
        frames: The frames, at a whole number of hertz.
        first_frame: Timecode of the first row, in frames since midnight, for frames without times.
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
        text.write(row % (format_timecode(times[index], rate), *line) + "\n")
    return text.getvalue()


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
    rate, times = recorded_times(codes) if header[0].lower() == "timecode" else (FRAME_RATE, None)
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
