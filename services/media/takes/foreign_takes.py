"""Finds the files of a recording in a folder: its frames and its sound, of NeuroSync or of the Live Link Face app.

take.json frames.csv audio.wav     a take of NeuroSync (`services.media.takes.take_folder`)
shapes.csv audio.wav               NeuroSync's `generated/<id>/`
Slate_1_iPhone.csv, .wav or .mov   Live Link Face; `..._cal.csv` has calibration applied and wins over `..._raw.csv`
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from services.common.errors import BadRequestError
from services.media.takes.take_info import SCHEMA

_KNOWN = ("frames.csv", "shapes.csv")
_MAX_FILES = 10_000  # of a folder, which are looked at; a recording has about ten
_HEADER_CHARACTERS = 4_096  # read of a file to find curves in it; the app's header has about 1000


@dataclass(frozen=True)
class Recording:
    """The files of one recording."""

    frames: Path
    """Table of curves."""
    audio: Path | None
    """WAV file, where there is one."""
    info: Path | None = None
    """NeuroSync's own `take.json`, where there is one."""


def find_recording(path: Path, audio: Path | None = None) -> Recording:
    """Return the files of the recording at `path`, a folder or a CSV file.

    Args:
        path: Where to look.
        audio: The sound file, where the caller names it.

    Raises:
        BadRequestError: There is no table of curves, more than one, or the sound is in a film, which cannot be read.
    """
    if path.is_file():
        return Recording(path, audio or _audio_of(path))
    if not path.is_dir():
        raise BadRequestError(str(path), "nothing there", "the folder of a take, or a Live Link Face CSV file")
    info = path / "take.json"
    if _is_own(info):
        return Recording(path / "frames.csv", audio or _existing(path / "audio.wav"), info)
    frames = _frames_of(path)
    return Recording(frames, audio or _audio_of(frames))


def _is_own(info: Path) -> bool:
    """Return whether NeuroSync wrote this `take.json`; the Live Link Face app writes files of that name too."""
    if not info.is_file():
        return False
    try:
        table = json.loads(info.read_bytes())
    except ValueError:
        return True  # a damaged file of ours; reading it raises the error
    return isinstance(table, dict) and table.get("schema") == SCHEMA


def _frames_of(folder: Path) -> Path:
    for name in _KNOWN:
        if (folder / name).is_file():
            return folder / name
    tables = [path for path in _files(folder, ".csv") if _has_curves(path)]
    calibrated = [path for path in tables if path.stem.endswith("_cal")]
    found = calibrated or [path for path in tables if not path.stem.endswith("_raw")] or tables
    if len(found) != 1:
        seen = ", ".join(path.name for path in found) or "no CSV file of curves"
        raise BadRequestError(str(folder), seen, "one Live Link Face CSV file (name the file itself)")
    return found[0]


def _has_curves(path: Path) -> bool:
    with path.open(encoding="utf-8", errors="replace") as lines:
        return "jawopen" in lines.read(_HEADER_CHARACTERS).lower()


def _audio_of(frames: Path) -> Path | None:
    """Return the sound beside a table: of its own name, `audio.wav`, or the only one there."""
    stem = frames.stem.removesuffix("_cal").removesuffix("_raw")
    for name in (f"{frames.stem}.wav", f"{stem}.wav", "audio.wav"):
        if (frames.parent / name).is_file():
            return frames.parent / name
    sounds = _files(frames.parent, ".wav")
    if len(sounds) == 1:
        return sounds[0]
    film = _existing(frames.with_name(f"{stem}.mov"))
    if film:
        raise BadRequestError(
            str(frames.parent), film.name, f"a WAV file beside it (ffmpeg -i {film.name} -ac 1 {stem}.wav makes one)"
        )
    return None


def _existing(path: Path) -> Path | None:
    return path if path.is_file() else None


def _files(folder: Path, suffix: str) -> list[Path]:
    files = [path for path, _ in zip(folder.iterdir(), range(_MAX_FILES), strict=False)]
    return sorted(path for path in files if path.suffix.lower() == suffix and path.is_file())
