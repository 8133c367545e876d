"""`neurosync animate`: a sound file in, a file of face frames out."""

from __future__ import annotations

import contextlib
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as ProgressBar

from services.cli.animating import Animated, Progress, animate_clip, animate_stream
from services.cli.connection import reach
from services.cli.main import app, run, tell
from services.cli.settings import ClientSettings
from services.cli.sound_files import decode_sound
from services.errors import BadRequestError
from services.media.frame_files import SUFFIXES, write_frames
from services.media.frames import Frames
from services.media.wav import MAX_BYTES
from services.settings import load

CLIP_BYTES = 1 << 19  # 512 kB go as they are, and the service decodes them; larger: one call may take minutes of sound


@app.command()
def animate(
    audio: Annotated[str, typer.Argument(help='WAV, FLAC, OGG or MP3 file of a voice; "-" reads standard input.')],
    output: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", help="Where to write the frames; .csv, .npz or .json. Without it: beside AUDIO, as .csv."
        ),
    ] = None,
    model: Annotated[
        str, typer.Option(help="Face model, as the face service names it; its default if not given.")
    ] = "",
    force: Annotated[bool, typer.Option("--force", "-f", help="Replace an output file that exists.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")] = False,
    start: Annotated[bool, typer.Option("--start/--no-start", help="Start a face service if none is running.")] = True,
) -> None:
    """Turn a voice recording into face animation: 61 ARKit curves, 60 times a second.

    The .csv is a Live Link Face recording, as Unreal and other tools import it; `neurosync replay` performs it.
    """
    run(_animate(audio, _output_of(audio, output, force), model, as_json=as_json, start=start))


def _output_of(audio: str, output: Path | None, force: bool) -> Path:
    """Return where to write, once it is certain that writing will not fail for want of a better name."""
    if audio != "-" and not Path(audio).is_file():
        raise typer.BadParameter(f"there is no file {audio}", param_hint="AUDIO")
    if output is None:
        if audio == "-":
            raise typer.BadParameter("name the output file, as standard input has no name", param_hint="-o")
        output = Path(audio).with_suffix(".csv")
    if output.suffix.lower() not in SUFFIXES:
        raise typer.BadParameter(f"{output} must end in {', '.join(SUFFIXES[:-1])} or {SUFFIXES[-1]}", param_hint="-o")
    if not output.parent.is_dir():
        raise typer.BadParameter(f"there is no folder {output.parent}", param_hint="-o")
    if output.exists() and not force:
        raise typer.BadParameter(f"{output} exists; --force replaces it, -o names another", param_hint="-o")
    return output


async def _animate(audio: str, output: Path, model: str, *, as_json: bool, start: bool) -> int:
    name = "standard input" if audio == "-" else audio
    data = _read(audio, name)
    sound = decode_sound(data, name) if len(data) > CLIP_BYTES else None
    async with reach("face", load(ClientSettings), tell=tell, start=start) as connection:
        begun = time.perf_counter()
        with _progress(sound.seconds if sound else None) as progress:
            if sound is None:
                animated = await animate_clip(connection, data, model, progress)
            else:
                animated = await animate_stream(connection, sound, model, progress)
        elapsed = time.perf_counter() - begun
    frames = animated.frames()
    write_frames(output, frames)
    _report(output, frames, animated, elapsed, as_json=as_json)
    return 0


def _read(audio: str, name: str) -> bytes:
    """Return the file's bytes.

    Raises:
        BadRequestError: It cannot be read, is empty or too large.
    """
    try:
        with contextlib.nullcontext(sys.stdin.buffer) if audio == "-" else Path(audio).open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise BadRequestError(name, error.strerror, "a file that can be read") from error
    if not 0 < len(data) <= MAX_BYTES:
        raise BadRequestError(name, f"{len(data)} bytes", f"1 to {MAX_BYTES} bytes")
    return data


@contextlib.contextmanager
def _progress(total: float | None) -> Iterator[Progress]:
    """Show seconds animated on a terminal; elsewhere nothing.

    Args:
        total: Seconds there are; None: not known yet.
    """
    columns = (TextColumn("animating"), BarColumn(), TextColumn("{task.completed:.1f} s"), TimeElapsedColumn())
    console = Console(stderr=True)
    with ProgressBar(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=total)
        yield lambda seconds: bar.update(task, completed=seconds)


def _report(output: Path, frames: Frames, animated: Animated, elapsed: float, *, as_json: bool) -> None:
    speed = frames.seconds / elapsed
    if as_json:
        table = {
            "output": str(output),
            "frame_count": len(frames),
            "frame_rate_hertz": frames.rate,
            "seconds": round(frames.seconds, 3),
            "model": animated.model,
            "elapsed_seconds": round(elapsed, 3),
            "compute_seconds": round(animated.compute, 3),
            "realtime_factor": round(speed, 2),
        }
        typer.echo(json.dumps(table))
        return
    typer.echo(f"{output}: {len(frames)} frames, {frames.seconds:.2f} s at {frames.rate:g} Hz")
    typer.echo(f"by {animated.model} in {elapsed:.2f} s, {speed:.1f} x realtime")
