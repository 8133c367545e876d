"""`neurosync export`: a take, or what others recorded, as a file that other tools import."""

from __future__ import annotations

import asyncio
import json
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from services.cli.main import app, run, tell
from services.common.errors import BadRequestError
from services.common.types import FRAME_RATE
from services.media.formats.frame_files import SUFFIXES, write_frames
from services.media.frames import Frames
from services.media.sound import Sound
from services.media.takes.take_folder import Take, load_take
from services.media.wav_writer import write_wav

RATES = (24, 25, 30, 48, 50, 60, 120)  # hertz, that tools expect in a timecode
_TIMECODE = re.compile(r"(\d{1,2}):(\d{2}):(\d{2}):(\d{2,3})", re.ASCII)
_DAY_HOURS = 24


@app.command()
def export(
    take: Annotated[Path, typer.Argument(exists=True, help="What `neurosync replay` plays.")],
    output: Annotated[Path, typer.Argument(help="Where to write; .csv (Live Link Face), .npz or .json.")],
    rate: Annotated[int, typer.Option(help="Frames a second.")] = FRAME_RATE,
    timecode: Annotated[
        str, typer.Option(help="Timecode of the first frame, HH:MM:SS:FF; that of the recording if not given.")
    ] = "",
    emotions: Annotated[
        bool, typer.Option("--emotions", help="Add the seven emotions to a .csv, as NeuroSync does; the app has none.")
    ] = False,
    sound: Annotated[bool, typer.Option("--sound", help="Write the sound beside it, as .wav.")] = False,
    force: Annotated[bool, typer.Option("--force", "-f", help="Replace files that exist.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")] = False,
) -> None:
    """Write a recording as a Live Link Face CSV, in even steps from its first timecode on.

    A take holds the timecodes that went to Unreal, so the file lines up with what was recorded there.
    """
    wishes = Wishes(output, rate, timecode, emotions or output.suffix.lower() != ".csv", sound, force)
    run(_export(take, wishes, as_json=as_json))


@dataclass(frozen=True)
class Wishes:
    """What the user asked for."""

    output: Path
    rate: int
    timecode: str
    emotions: bool
    sound: bool
    force: bool

    @property
    def beside(self) -> Path:
        """Where the sound goes."""
        return self.output.with_suffix(".wav")


async def _export(path: Path, wishes: Wishes, *, as_json: bool) -> int:
    _check(wishes)
    take = await asyncio.to_thread(load_take, path)
    frames = even_frames(take, wishes.rate, wishes.timecode)
    write_frames(wishes.output, frames if wishes.emotions else replace(frames, emotions=None))
    if wishes.sound:
        write_wav(wishes.beside, Sound(take.pcm, take.rate))
    for notice in take.info.notices:
        tell(f"note: {notice}")
    told = f"{wishes.output}: {len(frames)} frames at {wishes.rate} Hz, {frames.seconds:.2f} s"
    if as_json:
        table = {"frames": len(frames), "rate_hertz": wishes.rate, "seconds": round(frames.seconds, 3)}
        files = {"file": str(wishes.output)} | ({"sound": str(wishes.beside)} if wishes.sound else {})
        told = json.dumps(table | files)
    typer.echo(told)
    return 0


def even_frames(take: Take, rate: int, timecode: str = "") -> Frames:
    """Return a take's face in even steps at `rate` Hz.

    The first row has the timecode `timecode`, or, where that is empty, the one of the recording, on a whole frame.

    Raises:
        BadRequestError: `timecode` is none at this rate.
    """
    rows = replace(take.frames, times=None).at_rate(
        rate
    )  # frame k belongs to k / 60 s of the sound, whatever it was sent
    begun = take.times[0] if take.times is not None and len(take.times) else 0.0
    first = _first_frame(timecode, rate) if timecode else round(float(begun) * rate)
    return replace(rows, times=(first + np.arange(len(rows))) / rate)


def _first_frame(text: str, rate: int) -> int:
    """Return a timecode in frames since midnight."""
    match = _TIMECODE.fullmatch(text)
    hours, minutes, seconds, frame = (int(part) for part in match.groups()) if match else (_DAY_HOURS, 0, 0, 0)
    if hours >= _DAY_HOURS or minutes > 59 or seconds > 59 or frame >= rate:
        raise BadRequestError("--timecode", text, f"HH:MM:SS:FF with FF below {rate}")
    return (hours * 3600 + minutes * 60 + seconds) * rate + frame


def _check(wishes: Wishes) -> None:
    """Refuse what would fail, before anything is read."""
    output = wishes.output
    if output.suffix.lower() not in SUFFIXES:
        raise BadRequestError("OUTPUT", output.name, f"a name that ends in {', '.join(SUFFIXES)}")
    if wishes.rate not in RATES:
        raise BadRequestError("--rate", wishes.rate, f"one of {', '.join(map(str, RATES))}")
    if not output.parent.is_dir():
        raise BadRequestError("OUTPUT", str(output.parent), "a folder that exists")
    for path in (output, *([wishes.beside] if wishes.sound else [])):
        if path.exists() and not wishes.force:
            raise BadRequestError("OUTPUT", path.name, "a file that does not exist; --force replaces it")
