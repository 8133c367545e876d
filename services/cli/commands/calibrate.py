"""`neurosync calibrate`: plays a test pattern, to measure by eye how long the renderer takes to show a frame."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Annotated, Any

import typer

from neurosync.v1.outcome_pb2 import TurnOutcome
from neurosync.v1.player_pb2 import PerformFinished
from services.cli.client.calibration import LIMIT_MS, Calibration
from services.cli.client.connection import reach
from services.cli.client.perform_call import Event
from services.cli.client.player_output import output_lines
from services.cli.commands.options import AsJson, Character, StartPlayer
from services.cli.main import app, run
from services.cli.settings import ClientSettings
from services.cli.terminal.notices import notify
from services.cli.terminal.typed_lines import read_lines
from services.common.errors import BadRequestError
from services.common.settings import load
from services.serving.signals import stop_on_signal

STEP_MS = 5.0  # below what people notice, about 20 ms; smaller takes longer to find
EXPLANATION = f"""\
Once a second you hear a click, and the face opens its jaw and shuts its eyes for a tenth of a second.
Watch the picture in Unreal (a phone's slow motion shows it best).
  the face moves after the click:   type + and Enter, the click comes {STEP_MS:g} ms later
  the face moves before the click:  type - and Enter, the click comes {STEP_MS:g} ms earlier
  a number and Enter sets the milliseconds; Enter alone ends, once both come together"""


@app.command()
def calibrate(
    seconds: Annotated[
        int | None, typer.Option(min=2, max=600, help="End after so long; 20 without a terminal, else 300.")
    ] = None,
    shift: Annotated[
        float, typer.Option(min=-LIMIT_MS, max=LIMIT_MS, help="Milliseconds by which the click comes later at first.")
    ] = 0.0,
    character: Character = "",
    as_json: AsJson = False,
    start: StartPlayer = True,
) -> None:
    """Play a click and a spike of the face once a second, to set how long Unreal takes to show a frame.

    The player sends the face that much ahead of its sound: NEUROSYNC_PLAYER_RENDERER_OFFSET, in milliseconds.
    """
    run(_calibrate(seconds, shift, character, as_json=as_json, start=start))


async def _calibrate(seconds: int | None, shift: float, character: str, *, as_json: bool, start: bool) -> int:
    at_terminal = sys.stdin.isatty() and not as_json
    seconds = seconds or (300 if at_terminal else 20)
    stop = stop_on_signal()
    async with reach("player", load(ClientSettings), start=start) as connection:
        calibration = Calibration(connection, character=character, shift_ms=shift)
        for line in output_lines(await calibration.status()):
            notify(line)
        notify(EXPLANATION if at_terminal else f"a click and a spike of the face, once a second, for {seconds} s")
        playing = asyncio.create_task(calibration.run(seconds, _show), name="play the pattern")
        waiting: set[asyncio.Task[Any]] = {asyncio.create_task(stop.wait(), name="wait for a signal")}
        if at_terminal:
            waiting.add(asyncio.create_task(_adjust(calibration), name="wait for the keyboard"))
        try:
            await asyncio.wait({playing, *waiting}, return_when=asyncio.FIRST_COMPLETED)
            if not playing.done():
                await calibration.stop()
            finished = await playing
        finally:
            for task in (playing, *waiting):
                task.cancel()
    _report(calibration, finished, as_json=as_json)
    if stop.is_set():
        return 130
    return 0 if finished.outcome in _GOOD_ENDS else 1


_GOOD_ENDS = (TurnOutcome.TURN_OUTCOME_COMPLETED, TurnOutcome.TURN_OUTCOME_INTERRUPTED)


def _show(event: Event) -> None:
    if event.HasField("notice"):
        notify(f"note: {event.notice.message}")


async def _adjust(calibration: Calibration) -> None:
    """Change the shift as is typed, until an empty line or the end of input."""
    lines = read_lines(asyncio.get_running_loop())
    while line := (await lines.get() or "").strip():
        try:
            calibration.shift_ms = shifted(calibration.shift_ms, line)
        except BadRequestError as error:
            notify(str(error))
            continue
        notify(
            f"the click comes {calibration.shift_ms:+g} ms after the spike; an offset of {calibration.wanted_ms:g} ms"
        )


def shifted(shift_ms: float, typed: str) -> float:
    """Return the shift, in milliseconds, after `typed`: one or more + or -, or a number.

    Raises:
        BadRequestError: It is neither, or the shift would leave -200 to 200 ms.
    """
    if set(typed) <= set("+-"):
        value = shift_ms + STEP_MS * (typed.count("+") - typed.count("-"))
    else:
        try:
            value = float(typed)
        except ValueError:
            raise BadRequestError("shift", typed, "+, - or a number of milliseconds") from None
    if not -LIMIT_MS <= value <= LIMIT_MS:
        raise BadRequestError("shift", f"{value:g} ms", f"{-LIMIT_MS} to {LIMIT_MS} ms")
    return value


def _report(calibration: Calibration, finished: PerformFinished, *, as_json: bool) -> None:
    wanted = calibration.wanted_ms
    if as_json:
        table = {
            "clicks": calibration.click_count,
            "shift_ms": calibration.shift_ms,
            "renderer_offset_ms": round(calibration.offset_ms, 3),
            "wanted_offset_ms": round(wanted, 3),
            "frame_late_count": finished.counters.frame_late_count,
        }
        typer.echo(json.dumps(table))
        return
    typer.echo(f"{calibration.click_count} clicks; the player's renderer offset is {calibration.offset_ms:g} ms")
    if calibration.shift_ms:
        typer.echo(
            f"if click and face came together: set NEUROSYNC_PLAYER_RENDERER_OFFSET={wanted:g} for the player "
            f"(renderer_offset = {wanted:g} under [player] in neurosync.toml), and start it again"
        )
    else:
        typer.echo("if the face came after the click, that offset is too small; if it came before, too large")
