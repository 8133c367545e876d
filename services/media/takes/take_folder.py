"""A take as a folder of sound, frames, metadata and page, written whole or not at all.

audio.wav     PCM16 mono
frames.csv    Live Link Face CSV, one row for every frame that the sound covers
take.json     text, sentences, words, latencies, counters (`services.media.takes.take_info`)
take.html     plays all of it in a browser (`services.media.takes.take_page`)

`load_take` also reads recordings of other programs: NeuroSync's `generated/<id>/` and the Live Link Face app.
"""

from __future__ import annotations

import re
import shutil
import unicodedata
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from services.common.errors import BadRequestError, DuplicateError
from services.common.types import FRAME_RATE, Weights
from services.media.formats.frames_csv import read_csv, write_csv
from services.media.frames import Frames, frame_count
from services.media.sound import Sound
from services.media.sound_file import read_sound
from services.media.takes.foreign_takes import Recording, find_recording
from services.media.takes.take_info import TakeInfo, info_json, read_info
from services.media.takes.take_page import render_page
from services.media.wav_writer import write_wav

AUDIO, FRAMES, INFO, PAGE = "audio.wav", "frames.csv", "take.json", "take.html"
SLUG_LENGTH = 40  # characters; longer: clearer names; shorter: room in a path (Windows allows 260)
SILENT_RATE: Final = 24_000  # hertz, of the silence that accompanies frames without sound


@dataclass(frozen=True)
class Take:
    """A recorded turn."""

    info: TakeInfo
    """Its metadata."""
    pcm: npt.NDArray[np.int16]
    """Sound, shape (n,), at `info.sample_rate`."""
    weights: Weights
    """Frames at 60 Hz, shape (frames, 61), in the order of `curves.CURVE_NAMES`."""
    emotions: Weights | None = None
    """Shape (frames, 7), 0 to 1; None where there are none."""
    times: npt.NDArray[np.float64] | None = None
    """Timecode of each frame in seconds since midnight, shape (frames,); None where it has none."""

    @property
    def frames(self) -> Frames:
        """The face: weights, emotions and times."""
        return Frames(self.weights, self.emotions, times=self.times)

    @property
    def rate(self) -> int:
        """Hertz, of the sound."""
        return self.info.sample_rate

    @property
    def seconds(self) -> float:
        """Duration of the sound."""
        return len(self.pcm) / self.rate


def slug(text: str) -> str:
    """Return the words of `text` as a name for a folder: a-z, 0-9 and hyphens; "take" if nothing is left."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    name = "-".join(re.findall(r"[a-z0-9]+", plain.replace("'", "")))
    if len(name) > SLUG_LENGTH:
        name = name[: SLUG_LENGTH + 1].rpartition("-")[0] or name[:SLUG_LENGTH]  # at a word, where there is one
    return name or "take"


def take_name(created: datetime, text: str) -> str:
    """Return the default name of a take's folder, such as 20261122T160037Z-hello-there."""
    return f"{created.astimezone(UTC):%Y%m%dT%H%M%SZ}-{slug(text)}"


def write_take(folder: Path, take: Take) -> Path:
    """Write a take and return its folder; it appears whole, or not at all.

    Frames beyond the sound are cut; where frames are missing, the face eases to rest.

    Raises:
        DuplicateError: The folder exists and is not empty.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise DuplicateError(f"{folder} exists: choose another folder for the take")
    frames = take.frames.fitted(frame_count(len(take.pcm), take.rate))
    whole = Take(take.info, take.pcm, frames.weights, frames.emotions, frames.times)
    partial = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)  # left by a writer that died
    partial.mkdir(parents=True)
    try:
        write_wav(partial / AUDIO, Sound(whole.pcm, whole.rate))
        write_csv(partial / FRAMES, frames)
        (partial / INFO).write_text(info_json(whole.info), encoding="utf-8", newline="\n")
        page = render_page(whole.info, whole.pcm, whole.weights, whole.emotions)
        (partial / PAGE).write_text(page, encoding="utf-8", newline="\n")
        if folder.exists():
            folder.rmdir()  # Windows renames onto nothing that exists
        partial.rename(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return folder


def load_take(path: Path, audio: Path | None = None) -> Take:
    """Read a take, or a recording of another program.

    Args:
        path: A take's folder; a folder with `audio.wav` and `shapes.csv` (NeuroSync's `generated/<id>/`); a folder of
            the Live Link Face app; or a CSV file.
        audio: The sound, where it is not beside the frames. Frames without any sound come with silence, and a notice.

    Raises:
        BadRequestError: It is none of these, or one of its files is wrong.
    """
    recording = find_recording(path, audio)
    if recording.info is not None:
        return _load_own(recording)
    frames = read_csv(recording.frames).at_rate(FRAME_RATE)
    notices: tuple[str, ...] = ()
    if recording.audio is None:
        sound = Sound(np.zeros(round(frames.seconds * SILENT_RATE), np.int16), SILENT_RATE)
        notices = (f"no sound beside {recording.frames.name}: played in silence",)
    else:
        sound = read_sound(recording.audio, may_be_empty=True)
    fitted = frames.fitted(frame_count(len(sound.pcm), sound.sample_rate))
    info = TakeInfo(sound.sample_rate, providers={"face": recording.frames.name}, notices=notices)
    return Take(info, sound.pcm, fitted.weights, fitted.emotions, fitted.times)


def _load_own(recording: Recording) -> Take:
    """Read a folder that `write_take` wrote."""
    assert recording.info is not None
    info = read_info(recording.info)
    if recording.audio is None:
        raise BadRequestError(str(recording.info.parent), f"no {AUDIO}", f"a take with {AUDIO} and {FRAMES}")
    sound = read_sound(recording.audio, may_be_empty=True)
    if sound.sample_rate != info.sample_rate:
        raise BadRequestError(
            f"{recording.info} sample_rate", info.sample_rate, f"{sound.sample_rate} Hz as {AUDIO} has"
        )
    frames = read_csv(recording.frames).fitted(frame_count(len(sound.pcm), sound.sample_rate))
    return Take(info, sound.pcm, frames.weights, frames.emotions, frames.times)
