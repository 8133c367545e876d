"""Files of face frames: CSV, NPZ or JSON, by the suffix of the name.

.csv   Live Link Face CSV (`services.media.formats.frames_csv`)
.npz   numpy: weights (frames, 61) float32, curve_names (61,), frame_rate_hertz, and emotions (frames, 7)
       in percent, where there are some
.json  {"schema": "neurosync.frames", "version": 1, "frame_rate_hertz": 60, "curve_names": [...],
        "weights": [[...], ...], "emotion_names": [...], "emotions": [[...], ...]}; emotions in percent
"""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from services.common.errors import BadRequestError
from services.common.types import FRAME_RATE, FRAME_RATES
from services.media.curves import CURVE_NAMES, columns
from services.media.emotions import EMOTION_COUNT, EMOTION_NAMES
from services.media.formats.emotion_percent import from_percent, to_percent
from services.media.formats.frames_csv import MAX_FRAMES, csv_text, read_csv
from services.media.frames import Frames

SUFFIXES = (".csv", ".npz", ".json")
MAX_FILE_BYTES = 1 << 28  # 256 MB: an hour of frames as JSON text
_SCHEMA, _VERSION = "neurosync.frames", 1
_DECIMALS = 6  # of a weight in JSON; float32 has hardly more


def write_frames(path: Path, frames: Frames) -> None:
    """Write frames in the format that the suffix of `path` names; an existing file is replaced whole or not at all.

    Raises:
        BadRequestError: The suffix is none of `SUFFIXES`.
    """
    suffix = _suffix(path)
    if suffix == ".csv":
        data = csv_text(frames).encode()
    elif suffix == ".npz":
        data = _npz_bytes(frames)
    else:
        data = _json_text(frames).encode()
    partial = path.with_name(f".{path.name}.partial")
    try:
        partial.write_bytes(data)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def read_frames(path: Path) -> Frames:
    """Read frames in the format that the suffix of `path` names; columns are mapped by name.

    Raises:
        BadRequestError: The suffix is none of `SUFFIXES`, or the file is not in that format.
    """
    suffix = _suffix(path)
    if suffix == ".csv":
        return read_csv(path)
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise BadRequestError(str(path), f"{path.stat().st_size} bytes", f"at most {MAX_FILE_BYTES} bytes")
        return _frames_of(_npz_table(path) if suffix == ".npz" else json.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise BadRequestError(str(path), error.strerror or str(error), f"a {suffix} file of face frames") from error
    except KeyError as error:
        raise BadRequestError(str(path), "nothing there", f"an entry {error}") from error
    except (ValueError, TypeError, AttributeError, EOFError, zipfile.BadZipFile) as error:
        raise BadRequestError(str(path), str(error), f"a {suffix} file of face frames") from error


def _suffix(path: Path) -> str:
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise BadRequestError(
            "file name", path.name, f"a name that ends in {', '.join(SUFFIXES[:-1])} or {SUFFIXES[-1]}"
        )
    return suffix


def _npz_bytes(frames: Frames) -> bytes:
    table: dict[str, npt.NDArray[Any]] = {
        "weights": frames.weights,
        "curve_names": np.array(CURVE_NAMES),
        "frame_rate_hertz": np.array(frames.rate),
    }
    if frames.emotions is not None:
        table["emotions"] = to_percent(frames.emotions).astype(np.float32)
    data = io.BytesIO()
    np.savez_compressed(data, allow_pickle=False, **table)
    return data.getvalue()


def _npz_table(path: Path) -> dict[str, npt.NDArray[Any]]:
    """Return the arrays of an NPZ file if they are small enough when unpacked; pickles are refused."""
    with zipfile.ZipFile(path) as archive:
        size = sum(entry.file_size for entry in archive.infolist())
    if size > MAX_FILE_BYTES:
        raise BadRequestError(str(path), f"{size} bytes unpacked", f"at most {MAX_FILE_BYTES} bytes")
    with np.load(path, allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}


def _json_text(frames: Frames) -> str:
    table: dict[str, Any] = {
        "schema": _SCHEMA,
        "version": _VERSION,
        "frame_rate_hertz": frames.rate,
        "curve_names": CURVE_NAMES,
        "weights": np.round(frames.weights.astype(float), _DECIMALS).tolist(),
    }
    if frames.emotions is not None:
        table |= {
            "emotion_names": EMOTION_NAMES,
            "emotions": to_percent(frames.emotions).tolist(),
        }
    return json.dumps(table)


def _frames_of(table: dict[str, Any]) -> Frames:
    """Return the frames of a table, whatever its column order.

    Raises:
        KeyError: An entry is missing.
        ValueError: An entry is wrong.
    """
    position = columns([str(name) for name in table["curve_names"]])
    if (position < 0).any():
        raise ValueError(f"no curve {CURVE_NAMES[int(np.argmin(position))]} among {len(table['curve_names'])}")
    weights = np.asarray(table["weights"], np.float32).reshape(-1, len(table["curve_names"]))
    if len(weights) > MAX_FRAMES or not np.isfinite(weights).all():
        raise ValueError(f"{len(weights)} frames that are finite and at most {MAX_FRAMES} are wanted")
    rate = float(table.get("frame_rate_hertz", FRAME_RATE))
    if not FRAME_RATES[0] <= rate <= FRAME_RATES[1]:
        raise ValueError(f"frame_rate_hertz {rate} is not within {FRAME_RATES}")
    emotions = table.get("emotions")
    return Frames(
        weights[:, position],
        None if emotions is None else from_percent(np.asarray(emotions)).reshape(-1, EMOTION_COUNT),
        rate,
    )
