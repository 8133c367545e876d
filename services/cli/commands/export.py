"""`neurosync export`: writes a take, or a recording of another program, as a file that other tools import."""

from __future__ import annotations

import asyncio
import json
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from services.cli.commands.options import AsJson, Force
from services.cli.main import app, run
from services.cli.terminal.notices import notify
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
    take: Annotated[
        Path, typer.Argument(exists=True, help="A take, or anything else that `neurosync replay` performs.")
    ],
    output: Annotated[Path, typer.Argument(help="File to write: .csv (Live Link Face), .npz or .json.")],
    rate: Annotated[int, typer.Option(help="Frames a second.")] = FRAME_RATE,
    timecode: Annotated[
        str, typer.Option(help="Timecode of the first frame, HH:MM:SS:FF; that of the recording if not given.")
    ] = "",
    emotions: Annotated[
        bool,
        typer.Option(
            "--emotions", help="Add columns of the seven emotions to a .csv; the Live Link Face app has none."
        ),
    ] = False,
    sound: Annotated[bool, typer.Option("--sound", help="Write the sound beside it, as .wav.")] = False,
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    """Write a recording as a Live Link Face CSV, an NPZ or a JSON, in even steps from its first timecode on.

    A take holds the timecodes that went to Unreal, so the file lines up with what was recorded there.
    """
    options = ExportOptions(output, rate, timecode, emotions or output.suffix.lower() != ".csv", sound, force)
    run(_export(take, options, as_json=as_json))


@dataclass(frozen=True)
class ExportOptions:
    """What is written, and where."""

    output: Path
    rate: int
    timecode: str
    emotions: bool
    sound: bool
    force: bool

    @property
    def beside(self) -> Path:
        """Where the sound is written."""
        return self.output.with_suffix(".wav")


async def _export(path: Path, options: ExportOptions, *, as_json: bool) -> int:
    _validate(options)
    take = await asyncio.to_thread(load_take, path)
    frames = even_frames(take, options.rate, options.timecode)
    write_frames(options.output, frames if options.emotions else replace(frames, emotions=None))
    if options.sound:
        write_wav(options.beside, Sound(take.pcm, take.rate))
    for notice in take.info.notices:
        notify(f"note: {notice}")
    report = f"{options.output}: {len(frames)} frames at {options.rate} Hz, {frames.seconds:.2f} s"
    if as_json:
        table = {"frames": len(frames), "rate_hertz": options.rate, "seconds": round(frames.seconds, 3)}
        files = {"file": str(options.output)} | ({"sound": str(options.beside)} if options.sound else {})
        report = json.dumps(table | files)
    typer.echo(report)
    return 0


def even_frames(take: Take, rate: int, timecode: str = "") -> Frames:
    """Return a take's face in even steps at `rate` Hz.

    The first row has the timecode `timecode`, or, where that is empty, the one of the recording, on a whole frame.

    Raises:
        BadRequestError: `timecode` is not a timecode at this rate.
    """
    rows = replace(take.frames, times=None).at_rate(rate)  # frame k is for k / 60 s of the sound, whenever it was sent
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


def _validate(options: ExportOptions) -> None:
    """Check everything that can be wrong, before anything is read."""
    output = options.output
    if output.suffix.lower() not in SUFFIXES:
        raise BadRequestError("OUTPUT", output.name, f"a name that ends in {', '.join(SUFFIXES)}")
    if options.rate not in RATES:
        raise BadRequestError("--rate", options.rate, f"one of {', '.join(map(str, RATES))}")
    if not output.parent.is_dir():
        raise BadRequestError("OUTPUT", str(output.parent), "a folder that exists")
    for path in (output, *([options.beside] if options.sound else [])):
        if path.exists() and not options.force:
            raise BadRequestError("OUTPUT", path.name, "a file that does not exist; --force replaces it")
