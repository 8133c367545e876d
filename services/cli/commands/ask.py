"""`neurosync ask` and `neurosync say`: one turn, through the language model or without it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from neurosync.v1.outcome_pb2 import TurnOutcome
from services.cli.client.connection import reach
from services.cli.client.turn_client import TurnClient, TurnOptions
from services.cli.commands.options import AsJson, Character, RecordTake, StartServices, TakeFolder, Voice
from services.cli.main import app, run
from services.cli.settings import ClientSettings
from services.cli.terminal.interrupts import run_interruptible
from services.cli.terminal.notices import notify
from services.common.errors import BadRequestError
from services.common.settings import load


@app.command()
def ask(
    prompt: Annotated[str, typer.Argument(help='What to ask; "-" reads standard input.')],
    character: Character = "",
    voice: Voice = "",
    take: RecordTake = False,
    take_dir: TakeFolder = None,
    as_json: AsJson = False,
    start: StartServices = True,
) -> None:
    """Ask the character, and hear the answer. Ctrl-C interrupts it."""
    run(_perform(prompt, _options(character, voice, take, take_dir, as_json), speak=False, start=start))


@app.command()
def say(
    text: Annotated[str, typer.Argument(help='What to say; "-" reads standard input.')],
    character: Character = "",
    voice: Voice = "",
    take: RecordTake = False,
    take_dir: TakeFolder = None,
    as_json: AsJson = False,
    start: StartServices = True,
) -> None:
    """Have the character say a text as it is, without the language model. Ctrl-C interrupts it."""
    run(_perform(text, _options(character, voice, take, take_dir, as_json), speak=True, start=start))


def _options(character: str, voice: str, take: bool, take_dir: Path | None, as_json: bool) -> TurnOptions:
    if take_dir is not None and take_dir.exists() and (not take_dir.is_dir() or any(take_dir.iterdir())):
        notify(f"error: --take-dir: {take_dir} exists and is not empty; name a new folder")
        raise typer.Exit(2)
    return TurnOptions(character, voice, take or take_dir is not None, take_dir, as_json)


async def _perform(text: str, options: TurnOptions, *, speak: bool, start: bool) -> int:
    """Perform one turn, which Ctrl-C interrupts; return the exit status."""
    if text == "-":
        text = sys.stdin.read()
    if not text.strip():
        raise BadRequestError("text" if speak else "prompt", text, "some text")
    settings = load(ClientSettings)
    async with reach("orchestrator", settings, start=start) as connection:
        client = TurnClient(connection, options, settings)
        finished, was_interrupted = await run_interruptible(client.perform(text, speak=speak), client.interrupt)
    if was_interrupted:
        return 130
    return 0 if finished.outcome == TurnOutcome.TURN_OUTCOME_COMPLETED else 1
