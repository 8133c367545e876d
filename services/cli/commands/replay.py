"""`neurosync replay`: performs what was recorded, through the player."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import signal
import uuid
from pathlib import Path
from typing import Annotated

import grpc
import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from neurosync.v1.outcome_pb2 import TurnOutcome
from neurosync.v1.player_pb2 import PerformFinished
from services.cli.checks.port_checks import split_target
from services.cli.client.connection import reach
from services.cli.client.direct_replay import send_take
from services.cli.client.playback import Event, Playback, tell_output
from services.cli.main import app, run, tell
from services.cli.settings import ClientSettings
from services.common.errors import BadRequestError, StoppedError
from services.common.settings import load
from services.common.wire import check_subject
from services.media.takes.take_folder import Take, load_take
from services.serving.server import stop_on_signal

DEFAULT_SUBJECT = "NeuroSync"  # as the player's


@app.command()
def replay(
    take: Annotated[
        Path,
        typer.Argument(
            exists=True,
            help="Folder of a take or of audio.wav and shapes.csv, or a Live Link Face CSV with its WAV beside it.",
        ),
    ],
    audio: Annotated[
        Path | None,
        typer.Option(
            exists=True, dir_okay=False, help="WAV, FLAC, OGG or MP3 file of the sound, if it lies elsewhere."
        ),
    ] = None,
    subject: Annotated[
        str, typer.Option(help="Live Link subject that performs; the player's default if not given.")
    ] = "",
    target: Annotated[
        str,
        typer.Option(help="Send the face straight to HOST or HOST:PORT, without a player and without sound."),
    ] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")] = False,
    start: Annotated[bool, typer.Option("--start/--no-start", help="Start a player if none is running.")] = True,
) -> None:
    """Perform a recording again: its sound on this machine, its face in Unreal. Ctrl-C stops it.

    It goes through the player, as only that knows when a sample is heard, and the face of a subject must have one
    sender. Frames without any sound are performed in silence. With --target nothing is heard and no player is needed:
    the frames are encoded ahead and sent on a steady clock.
    """
    if target:
        run(_replay_to(target, take, subject or DEFAULT_SUBJECT, as_json=as_json))
    run(_replay(take, audio, subject, as_json=as_json, start=start))


async def _replay(path: Path, audio: Path | None, subject: str, *, as_json: bool, start: bool) -> int:
    take = await asyncio.to_thread(load_take, path, audio)
    for notice in take.info.notices:
        tell(f"note: {notice}")
    async with reach("player", load(ClientSettings), tell=tell, start=start) as connection:
        playback = Playback(connection, take, turn_id=str(uuid.uuid4()), subject=subject)
        tell_output(await playback.status())
        tell(f"replaying {path}: {take.seconds:.1f} s of sound, {len(take.weights)} frames")
        finished, interrupted = await _perform(playback, take)
    _report(finished, take, as_json=as_json)
    if interrupted:
        return 130
    return 0 if finished.outcome == TurnOutcome.TURN_OUTCOME_COMPLETED else 1


async def _replay_to(target: str, path: Path, subject: str, *, as_json: bool) -> int:
    """Send the face alone."""
    check_subject("--subject", subject)
    address = split_target(target)
    if not address[0] or not 0 < address[1] < 65_536:
        raise BadRequestError("--target", target, "HOST or HOST:PORT")
    take = await asyncio.to_thread(load_take, path)
    tell(f"sending {path} as {subject!r} to {address[0]}:{address[1]}: {len(take.weights)} frames, no sound")
    tell("a player that sends the same subject there makes the face flicker between the two")
    stop = stop_on_signal()
    report = await asyncio.to_thread(
        send_take, take.weights, address, subject, device_id=str(uuid.uuid4()), stopped=stop.is_set
    )
    if as_json:
        typer.echo(json.dumps(dataclasses.asdict(report)))
    else:
        ended = "stopped" if report.stopped else "completed"
        typer.echo(f"{ended}: {report.sent_count} frames sent, {report.late_count} left out as they came late")
    if report.refused_count:
        tell(f"note: the system refused {report.refused_count} of them: nobody listens on {address[0]}:{address[1]}")
    return 130 if report.stopped else 0


async def _perform(playback: Playback, take: Take) -> tuple[PerformFinished, bool]:
    """Play to the end; return the player's last word, and whether Ctrl-C stopped the take.

    The first Ctrl-C lets the player stop, so that it tells what was heard; the second ends everything.
    """
    loop, interrupt = asyncio.get_running_loop(), asyncio.Event()

    def once(_number: int, _frame: object) -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        loop.call_soon_threadsafe(interrupt.set)

    before = signal.signal(signal.SIGINT, once)
    playing = asyncio.create_task(_play(playback, take), name="play")
    waiting = asyncio.create_task(interrupt.wait(), name="wait for Ctrl-C")
    try:
        await asyncio.wait({playing, waiting}, return_when=asyncio.FIRST_COMPLETED)
        if interrupt.is_set():
            await playback.stop()
        return await playing, interrupt.is_set()
    except grpc.aio.AioRpcError as error:
        if error.code() is grpc.StatusCode.ABORTED:
            raise StoppedError("stopped before anything was heard") from error
        raise
    finally:
        waiting.cancel()
        playing.cancel()
        signal.signal(signal.SIGINT, before)


async def _play(playback: Playback, take: Take) -> PerformFinished:
    """Play to the end, and show how far it is."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed:.1f} of {task.total:.1f} s"))
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("waiting", total=take.seconds)

        def show(event: Event) -> None:
            match event.WhichOneof("event"):
                case "accepted" if event.accepted.queued:
                    bar.console.print("the subject is still speaking: waiting for its turn")
                case "started":
                    bar.update(task, description="heard")
                case "position":
                    heard = event.position.heard_sample_count / take.rate
                    bar.update(task, completed=heard, description="paused" if event.position.starved else "heard")
                case "notice":
                    bar.console.print(f"note: {event.notice.message}", markup=False, highlight=False)

        return await playback.run(show)


def _report(finished: PerformFinished, take: Take, *, as_json: bool) -> None:
    heard = finished.heard_sample_count / take.rate
    outcome = TurnOutcome.Name(finished.outcome).removeprefix("TURN_OUTCOME_").lower()
    counters = {field.name: getattr(finished.counters, field.name) for field in finished.counters.DESCRIPTOR.fields}
    if as_json:
        table = {"outcome": outcome, "heard_seconds": round(heard, 3)}
        typer.echo(json.dumps({**table, "seconds": round(take.seconds, 3), **counters}))
        return
    typer.echo(f"{outcome}: heard {heard:.2f} of {take.seconds:.2f} s")
    typer.echo(
        f"{counters['frame_shown_count']} frames shown, {counters['frame_late_count']} came late; ran out of sound "
        f"{counters['audio_starved_count']} times, of frames {counters['frames_starved_count']} times"
    )
