"""`neurosync animate`: sound files in, files of face frames out, and pictures of them."""

from __future__ import annotations

import contextlib
import json
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import grpc
import numpy as np
import typer
from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as ProgressBar

from neurosync.v1 import face_pb2
from services.cli.client.connection import Connection, reach
from services.cli.client.face_client import Animated, Progress, animate_clip, animate_stream
from services.cli.inputs.face_style import style_of
from services.cli.inputs.sound_jobs import STANDARD_INPUT, Job, jobs_of
from services.cli.main import app, run, tell
from services.cli.settings import ClientSettings
from services.cli.take.plot import write_plot
from services.common.errors import BadRequestError, UnavailableError
from services.common.settings import load
from services.common.types import Weights
from services.media.curves import CURVE_NAMES, INDEX
from services.media.formats.frame_files import write_frames
from services.media.frames import Frames
from services.media.sound import MAX_SOUND_BYTES
from services.media.sound_file import decode_sound
from services.media.takes.take_folder import Take
from services.media.takes.take_info import TakeInfo

CLIP_BYTES = 1 << 19  # 512 kB go as they are, and the service decodes them; larger: one call may take minutes of sound


DRAWN = 12  # curves of a picture, those that move most; more: a picture too tall for a screen
SAME = 0.01  # of a weight: where left and right differ by less, one of them is drawn


class Kind(StrEnum):
    """Formats of frames."""

    CSV = "csv"
    NPZ = "npz"
    JSON = "json"


@dataclass(frozen=True)
class Options:
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
    kind: Annotated[Kind, typer.Option("--format", help="Format of frames whose file is not named.")] = Kind.CSV,
    plot: Annotated[
        Path | None,
        typer.Option(help="Draw the curves against the waveform: a .png or .svg file, or a folder for several sounds."),
    ] = None,
    model: Annotated[
        str, typer.Option(help="Face model, as the face service names it; its default if not given.")
    ] = "",
    style: Annotated[
        str,
        typer.Option(
            metavar="NAME=VALUE,...",
            help="How the face moves: factors of jaw, mouth, cheeks, tongue, eyes, brows and head, smoothing in"
            " seconds, and closure, the emphasis of closing lips. Default: as the face service is set.",
        ),
    ] = "",
    force: Annotated[bool, typer.Option("--force", "-f", help="Replace output files that exist.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object a sound instead of text.")] = False,
    start: Annotated[bool, typer.Option("--start/--no-start", help="Start a face service if none is running.")] = True,
) -> None:
    """Turn voice recordings into face animation: 61 ARKit curves, 60 times a second.

    The .csv is a Live Link Face recording, as Unreal and other tools import it; `neurosync replay` performs it.

    Of several sounds, those whose output exists are passed over unless --force is given, and one that is wrong does
    not keep the others from being animated; the exit status then tells.

    neurosync animate voice.wav --plot voice.png

    neurosync animate recordings/ -o frames/ --format npz

    neurosync animate voice.wav --style mouth=1.2,closure=1.5

    ffmpeg -i film.mp4 -f wav - | neurosync animate - -o film.csv
    """
    jobs = jobs_of(audio, output, plot, f".{kind.value}")
    if len(jobs) == 1 and not force:
        _refuse_to_replace(jobs[0])
    run(_animate(jobs, Options(model, style_of(style), force, as_json, start)))


def _refuse_to_replace(job: Job) -> None:
    for path, hint in ((job.output, "-o"), (job.plot, "--plot")):
        if path is not None and path.exists():
            raise typer.BadParameter(f"{path} exists; --force replaces it, {hint} names another", param_hint=hint)


async def _animate(jobs: list[Job], options: Options) -> int:
    """Animate one sound after the other; return the exit status, that of the worst."""
    wanted = [job for job in jobs if options.force or not job.output.exists()]
    for job in jobs:
        if job not in wanted:
            tell(f"{job.output} exists: passed over, --force replaces it")
    if not wanted:
        return 0
    status = 0
    async with reach("face", load(ClientSettings), tell=tell, start=options.start) as connection:
        for number, job in enumerate(wanted, start=1):
            label = "animating" if len(wanted) == 1 else f"{number}/{len(wanted)} {Path(job.audio).name}"
            try:
                await _animate_one(connection, job, label, options)
            except (BadRequestError, UnavailableError, grpc.aio.AioRpcError) as error:
                if len(jobs) == 1 or not _is_of_this_sound(error):
                    raise
                told = f"{job.name}: {error.details()}" if isinstance(error, grpc.aio.AioRpcError) else str(error)
                tell(f"error: {told}")
                status = 2
    return status


def _is_of_this_sound(error: Exception) -> bool:
    """Return whether another sound may fare better."""
    if isinstance(error, grpc.aio.AioRpcError):
        return bool(error.code() is grpc.StatusCode.INVALID_ARGUMENT)
    return isinstance(error, BadRequestError)


async def _animate_one(connection: Connection, job: Job, label: str, options: Options) -> None:
    data = _read(job)
    is_long = len(data) > CLIP_BYTES
    sound = decode_sound(data, job.name) if is_long or job.plot else None
    begun = time.perf_counter()
    with _progress(label, sound.seconds if sound else None) as progress:
        if is_long and sound is not None:
            animated = await animate_stream(connection, sound, options.model, progress, style=options.style)
        else:
            animated = await animate_clip(connection, data, options.model, progress, style=options.style)
    elapsed = time.perf_counter() - begun
    frames = animated.frames()
    write_frames(job.output, frames)
    if job.plot and sound is not None:
        take = Take(TakeInfo(sound.sample_rate), sound.pcm, frames.weights, frames.emotions)
        write_plot(job.plot, take, moving(frames.weights))
    _report(job, frames, animated, elapsed, as_json=options.as_json)


def moving(weights: Weights) -> list[str]:
    """Return the names of the curves that move most, in ARKit order: none that stands still, and of twins the left."""
    deviation = weights.std(axis=0)
    for name in CURVE_NAMES:
        twin = INDEX.get(f"{name.removesuffix('Left')}Right", INDEX[name])
        if name.endswith("Left") and np.allclose(weights[:, INDEX[name]], weights[:, twin], atol=SAME):
            deviation[twin] = 0.0
    chosen = np.argsort(-deviation, kind="stable")[:DRAWN]
    return [CURVE_NAMES[curve] for curve in sorted(chosen.tolist()) if deviation[curve] > 0]


def _read(job: Job) -> bytes:
    """Return the sound's bytes.

    Raises:
        BadRequestError: It cannot be read, is empty or too large.
    """
    from_input = job.audio == STANDARD_INPUT
    try:
        with contextlib.nullcontext(sys.stdin.buffer) if from_input else Path(job.audio).open("rb") as file:
            data = file.read(MAX_SOUND_BYTES + 1)
    except OSError as error:
        raise BadRequestError(job.name, error.strerror, "a file that can be read") from error
    if not 0 < len(data) <= MAX_SOUND_BYTES:
        raise BadRequestError(job.name, f"{len(data)} bytes", f"1 to {MAX_SOUND_BYTES} bytes")
    return data


@contextlib.contextmanager
def _progress(label: str, total: float | None) -> Iterator[Progress]:
    """Show seconds animated on a terminal; elsewhere nothing.

    Args:
        label: What is animated.
        total: Seconds there are; None: not known yet.
    """
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed:.1f} s"), TimeElapsedColumn())
    console = Console(stderr=True)
    with ProgressBar(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(label, total=total)
        yield lambda seconds: bar.update(task, completed=seconds)


def _report(job: Job, frames: Frames, animated: Animated, elapsed: float, *, as_json: bool) -> None:
    speed = frames.seconds / elapsed
    if as_json:
        table: dict[str, Any] = {
            "output": str(job.output),
            "frame_count": len(frames),
            "frame_rate_hertz": frames.rate,
            "seconds": round(frames.seconds, 3),
            "model": animated.model,
            "elapsed_seconds": round(elapsed, 3),
            "compute_seconds": round(animated.compute, 3),
            "realtime_factor": round(speed, 2),
        }
        if job.plot:
            table["plot"] = str(job.plot)
        typer.echo(json.dumps(table))
        return
    typer.echo(f"{job.output}: {len(frames)} frames, {frames.seconds:.2f} s at {frames.rate:g} Hz")
    if job.plot:
        typer.echo(f"{job.plot}: its curves against the sound")
    typer.echo(f"by {animated.model} in {elapsed:.2f} s, {speed:.1f} x realtime")
