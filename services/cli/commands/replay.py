"""`neurosync replay`: performs a recorded take again, through the player or straight to Unreal."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import uuid
from pathlib import Path
from typing import Annotated

import grpc
import typer
from rich.progress import BarColumn, TextColumn

from neurosync.v1.outcome_pb2 import TurnOutcome
from neurosync.v1.player_pb2 import PerformFinished
from services.cli.client.connection import reach
from services.cli.client.direct_replay import send_take
from services.cli.client.perform_call import Event
from services.cli.client.playback import Playback
from services.cli.client.player_output import output_lines
from services.cli.commands.options import AsJson, Character, StartPlayer
from services.cli.main import app, run
from services.cli.settings import ClientSettings
from services.cli.terminal.interrupts import run_interruptible
from services.cli.terminal.notices import notify
from services.cli.terminal.progress_bar import progress_bar
from services.common.addresses import LIVE_LINK_PORT, parse_address
from services.common.errors import StoppedError
from services.common.settings import load
from services.common.wire import check_subject
from services.media.takes.take_folder import Take, load_take
from services.serving.signals import stop_on_signal

DEFAULT_CHARACTER = "NeuroSync"  # as the player's


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
    character: Character = "",
    target: Annotated[
        str,
        typer.Option(
            metavar="HOST[:PORT]", help="Send the face straight to this address, without a player and without sound."
        ),
    ] = "",
    as_json: AsJson = False,
    start: StartPlayer = True,
) -> None:
    """Perform a recording again: its sound on this machine, its face in Unreal. Ctrl-C stops it.

    The player performs it: only the player can time the face to the sample that is heard, and each character must have
    one sender. Frames without any sound are performed in silence. With --target no player is needed and nothing is
    heard: the frames are sent at 60 Hz on this machine's clock.
    """
    if target:
        run(_replay_to(target, take, character or DEFAULT_CHARACTER, as_json=as_json))
    run(_replay(take, audio, character, as_json=as_json, start=start))


async def _replay(path: Path, audio: Path | None, character: str, *, as_json: bool, start: bool) -> int:
    take = await asyncio.to_thread(load_take, path, audio)
    for notice in take.info.notices:
        notify(f"note: {notice}")
    async with reach("player", load(ClientSettings), start=start) as connection:
        playback = Playback(connection, take, character=character)
        for line in output_lines(await playback.status()):
            notify(line)
        notify(f"replaying {path}: {take.seconds:.1f} s of sound, {len(take.weights)} frames")
        try:
            finished, was_interrupted = await run_interruptible(_play(playback, take), playback.stop)
        except grpc.aio.AioRpcError as error:
            if error.code() is grpc.StatusCode.ABORTED:
                raise StoppedError("stopped before anything was heard") from error
            raise
    _report(finished, take, as_json=as_json)
    if was_interrupted:
        return 130
    return 0 if finished.outcome == TurnOutcome.TURN_OUTCOME_COMPLETED else 1


async def _replay_to(target: str, path: Path, character: str, *, as_json: bool) -> int:
    """Send the face alone."""
    check_subject("--character", character)
    address = parse_address(target, field="--target", default_port=LIVE_LINK_PORT)
    take = await asyncio.to_thread(load_take, path)
    notify(f"sending {path} as {character!r} to {address}: {len(take.weights)} frames, no sound")
    notify("if a player sends the same character there, the face flickers between the two")
    stop = stop_on_signal()
    report = await asyncio.to_thread(
        send_take, take.weights, address, character, device_id=str(uuid.uuid4()), stopped=stop.is_set
    )
    if as_json:
        typer.echo(json.dumps(dataclasses.asdict(report)))
    else:
        ended = "stopped" if report.stopped else "completed"
        typer.echo(f"{ended}: {report.sent_count} frames sent, {report.late_count} left out as they came late")
    if report.refused_count:
        notify(f"note: the system refused {report.refused_count} of them: nobody listens on {address}")
    return 130 if report.stopped else 0


async def _play(playback: Playback, take: Take) -> PerformFinished:
    """Play to the end, and show how far it is."""
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed:.1f} of {task.total:.1f} s"))
    with progress_bar(*columns) as bar:
        task = bar.add_task("waiting", total=take.seconds)

        def show(event: Event) -> None:
            match event.WhichOneof("event"):
                case "accepted" if event.accepted.queued:
                    bar.console.print("the character is still speaking: waiting for its turn")
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
