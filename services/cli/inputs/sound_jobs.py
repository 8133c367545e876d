"""The sounds that `neurosync animate` is given, and the files to write for each; checked before anything starts."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import typer

from services.common.errors import BadRequestError
from services.media.formats.frame_files import SUFFIXES
from services.media.sound import MAX_SOUND_BYTES

STANDARD_INPUT = "-"
SOUNDS = (".wav", ".flac", ".ogg", ".oga", ".mp3")
"""Suffixes of the files that are taken out of a folder."""
PICTURES = (".png", ".svg")


@dataclass(frozen=True)
class SoundJob:
    """One sound to animate."""

    audio: str
    """Path of a file, or "-"."""
    output: Path
    """File for its frames."""
    plot: Path | None = None
    """File for a picture of its curves."""

    @property
    def name(self) -> str:
        """What to call the sound."""
        return "standard input" if self.audio == STANDARD_INPUT else self.audio

    def read(self) -> bytes:
        """Return the bytes of the sound.

        Raises:
            BadRequestError: It cannot be read, is empty or too large.
        """
        from_input = self.audio == STANDARD_INPUT
        try:
            with contextlib.nullcontext(sys.stdin.buffer) if from_input else Path(self.audio).open("rb") as file:
                data = file.read(MAX_SOUND_BYTES + 1)
        except OSError as error:
            raise BadRequestError(self.name, error.strerror, "a file that can be read") from error
        if not 0 < len(data) <= MAX_SOUND_BYTES:
            raise BadRequestError(self.name, f"{len(data)} bytes", f"1 to {MAX_SOUND_BYTES} bytes")
        return data


def sound_jobs(audio: Sequence[str], output: Path | None, plot: Path | None, kind: str) -> list[SoundJob]:
    """Return the jobs of a command line.

    Args:
        audio: Files, folders, or "-".
        output: A file where one sound is meant, a folder where several are; None: beside each sound.
        plot: The same for pictures; None: none.
        kind: Suffix of the frames' files that are not named.

    Raises:
        typer.BadParameter: A name is wrong or missing.
    """
    sounds = [sound for each in audio for sound in _sounds(each)]
    if len(sounds) == 1 and not Path(audio[0]).is_dir():
        return [SoundJob(sounds[0], _one(sounds[0], output, kind), _checked_plot(plot))]
    if STANDARD_INPUT in sounds:
        raise typer.BadParameter('"-" cannot be taken together with files', param_hint="AUDIO")
    for folder, hint in ((output, "-o"), (plot, "--plot")):
        if folder is not None and not folder.is_dir():
            raise typer.BadParameter(f"for several sounds {folder} must be a folder that exists", param_hint=hint)
    jobs = [
        SoundJob(sound, _beside(sound, output, kind), _beside(sound, plot, ".png") if plot else None)
        for sound in sounds
    ]
    by_output: dict[Path, SoundJob] = {}
    for job in jobs:
        if job.output in by_output:
            both = f"{by_output[job.output].audio} and {job.audio}"
            raise typer.BadParameter(f"{both} would both become {job.output}", param_hint="AUDIO")
        by_output[job.output] = job
    return jobs


def _sounds(audio: str) -> list[str]:
    """Return the files that an argument stands for."""
    path = Path(audio)
    if audio == STANDARD_INPUT or path.is_file():
        return [audio]
    if not path.is_dir():
        raise typer.BadParameter(f"there is no file or folder {audio}", param_hint="AUDIO")
    found = sorted(str(each) for each in path.iterdir() if each.suffix.lower() in SOUNDS and each.is_file())
    if not found:
        raise typer.BadParameter(f"no sound ({', '.join(SOUNDS)}) is in the folder {audio}", param_hint="AUDIO")
    return found


def _beside(sound: str, folder: Path | None, suffix: str) -> Path:
    path = Path(sound)
    return (folder / path.name if folder else path).with_suffix(suffix)


def _one(sound: str, output: Path | None, kind: str) -> Path:
    """Return the file for the frames of a single sound."""
    if output is None:
        if sound == STANDARD_INPUT:
            raise typer.BadParameter("name the output file, as standard input has no name", param_hint="-o")
        return _beside(sound, None, kind)
    if output.is_dir() and sound != STANDARD_INPUT:
        return _beside(sound, output, kind)
    if output.suffix.lower() not in SUFFIXES:
        raise typer.BadParameter(f"{output} must end in {', '.join(SUFFIXES[:-1])} or {SUFFIXES[-1]}", param_hint="-o")
    if not output.parent.is_dir():
        raise typer.BadParameter(f"there is no folder {output.parent}", param_hint="-o")
    return output


def _checked_plot(plot: Path | None) -> Path | None:
    if plot is not None and plot.suffix.lower() not in PICTURES:
        raise typer.BadParameter(f"{plot} must end in {' or '.join(PICTURES)}", param_hint="--plot")
    if plot is not None and not plot.parent.is_dir():
        raise typer.BadParameter(f"there is no folder {plot.parent}", param_hint="--plot")
    return plot
