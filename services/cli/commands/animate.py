"""`neurosync animate`: turns sound files into files of face frames, and pictures of them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import grpc
import typer
from rich.progress import BarColumn, TextColumn, TimeElapsedColumn

from neurosync.v1 import face_pb2
from services.cli.client.connection import Connection, reach
from services.cli.client.sound_animation import AnimatedSound, animate_sound, decode_if_needed
from services.cli.commands.options import Force, StartFace
from services.cli.inputs.face_style import parse_style
from services.cli.inputs.sound_jobs import SoundJob, sound_jobs
from services.cli.main import app, is_bad_request, run
from services.cli.settings import ClientSettings
from services.cli.terminal.notices import notify
from services.cli.terminal.progress_bar import progress_bar
from services.common.errors import BadRequestError, UnavailableError
from services.common.settings import load


class FrameFormat(StrEnum):
    """Formats of files of frames."""

    CSV = "csv"
    NPZ = "npz"
    JSON = "json"


@dataclass(frozen=True)
class AnimateOptions:
    """How all sounds of a command are animated."""

    model: str
    style: face_pb2.FaceStyle
    force: bool
    as_json: bool
    start: bool


@app.command()
def animate(
    audio: Annotated[
        list[str],
        typer.Argument(help='WAV, FLAC, OGG or MP3 files of a voice, or folders of them; "-" reads standard input.'),
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            help="Where to write the frames: a name in .csv, .npz or .json, or a folder. Default: beside each sound.",
        ),
    ] = None,
    format_: Annotated[
        FrameFormat, typer.Option("--format", help="Format of the frames where the name of a file does not give it.")
    ] = FrameFormat.CSV,
    plot: Annotated[
        Path | None,
        typer.Option(help="Draw the curves against the waveform: a .png or .svg file, or a folder for several sounds."),
    ] = None,
    model: Annotated[str, typer.Option(help="Face model, as the face service names it. Default: its own.")] = "",
    style: Annotated[
        str,
        typer.Option(
            metavar="NAME=VALUE,...",
            help="How the face moves: factors of jaw, mouth, cheeks, tongue, eyes, brows and head, smoothing in"
            " seconds, and closure, the emphasis of closing lips. Default: as the face service is set.",
        ),
    ] = "",
    force: Force = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object for each sound instead of text.")
    ] = False,
    start: StartFace = True,
) -> None:
    """Turn voice recordings into face animation: 61 ARKit curves, 60 times a second.

    The .csv is a Live Link Face recording, as Unreal and other tools import it; `neurosync replay` performs it.

    Of several sounds, those whose output exists are passed over unless --force is given. One that cannot be animated
    does not stop the others, and the exit status is then 2.

    neurosync animate voice.wav --plot voice.png

    neurosync animate recordings/ -o frames/ --format npz

    neurosync animate voice.wav --style mouth=1.2,closure=1.5

    ffmpeg -i film.mp4 -f wav - | neurosync animate - -o film.csv
    """
    jobs = sound_jobs(audio, output, plot, f".{format_.value}")
    if len(jobs) == 1 and not force:
        _refuse_to_replace(jobs[0])
    run(_animate(jobs, AnimateOptions(model, parse_style(style), force, as_json, start)))


def _refuse_to_replace(job: SoundJob) -> None:
    for path, hint in ((job.output, "-o"), (job.plot, "--plot")):
        if path is not None and path.exists():
            raise typer.BadParameter(f"{path} exists; --force replaces it, {hint} names another", param_hint=hint)


async def _animate(jobs: Sequence[SoundJob], options: AnimateOptions) -> int:
    """Animate one sound after the other; return the exit status, that of the worst."""
    wanted = [job for job in jobs if options.force or not job.output.exists()]
    for job in jobs:
        if job not in wanted:
            notify(f"{job.output} exists: passed over, --force replaces it")
    if not wanted:
        return 0
    status = 0
    async with reach("face", load(ClientSettings), start=options.start) as face:
        for number, job in enumerate(wanted, start=1):
            label = "animating" if len(wanted) == 1 else f"{number}/{len(wanted)} {Path(job.audio).name}"
            try:
                _report(await _animate_one(face, job, label, options), as_json=options.as_json)
            except (BadRequestError, UnavailableError, grpc.aio.AioRpcError) as error:
                if len(jobs) == 1 or not is_bad_request(error):  # what is not wrong with this sound ends all
                    raise
                reason = f"{job.name}: {error.details()}" if isinstance(error, grpc.aio.AioRpcError) else str(error)
                notify(f"error: {reason}")
                status = 2
    return status


async def _animate_one(face: Connection, job: SoundJob, label: str, options: AnimateOptions) -> AnimatedSound:
    data = job.read()
    sound = decode_if_needed(job, data)
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed:.1f} s"), TimeElapsedColumn())
    with progress_bar(*columns) as bar:
        task = bar.add_task(label, total=sound.seconds if sound else None)
        return await animate_sound(
            face,
            job,
            data,
            sound,
            model=options.model,
            style=options.style,
            progress=lambda seconds: bar.update(task, completed=seconds),
        )


def _report(animated: AnimatedSound, *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(animated.table()))
    else:
        typer.echo("\n".join(animated.lines()))
