"""`neurosync ask` and `neurosync say`: one turn, through the language model or without it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from services.cli.client.connection import reach
from services.cli.client.turn_client import Speaker, Wishes, perform_once
from services.cli.main import app, run, tell
from services.cli.settings import ClientSettings
from services.common.errors import BadRequestError
from services.common.settings import load

Subject = Annotated[str, typer.Option(help="Live Link subject that speaks; the player's default if not given.")]
Voice = Annotated[str, typer.Option(help="Voice, as the speech service names it.")]
TakeFlag = Annotated[bool, typer.Option("--take", help="Record sound, frames and a page that plays them.")]
TakeFolder = Annotated[Path | None, typer.Option("--take-dir", help="Record into this new folder.", metavar="DIR")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object at the end instead of text.")]
Start = Annotated[bool, typer.Option("--start/--no-start", help="Start the services if they are not running.")]


@app.command()
def ask(
    prompt: Annotated[str, typer.Argument(help='What to ask; "-" reads standard input.')],
    subject: Subject = "",
    voice: Voice = "",
    take: TakeFlag = False,
    take_dir: TakeFolder = None,
    as_json: AsJson = False,
    start: Start = True,
) -> None:
    """Ask the character, and hear the answer. Ctrl-C interrupts it."""
    run(_once(prompt, _wishes(subject, voice, take, take_dir, as_json), speak=False, start=start))


@app.command()
def say(
    text: Annotated[str, typer.Argument(help='What to say; "-" reads standard input.')],
    subject: Subject = "",
    voice: Voice = "",
    take: TakeFlag = False,
    take_dir: TakeFolder = None,
    as_json: AsJson = False,
    start: Start = True,
) -> None:
    """Have the character say a text as it is, without the language model. Ctrl-C interrupts it."""
    run(_once(text, _wishes(subject, voice, take, take_dir, as_json), speak=True, start=start))


def _wishes(subject: str, voice: str, take: bool, take_dir: Path | None, as_json: bool) -> Wishes:
    if take_dir is not None and take_dir.exists() and (not take_dir.is_dir() or any(take_dir.iterdir())):
        tell(f"error: --take-dir: {take_dir} exists and is not empty; name a new folder")
        raise typer.Exit(2)
    return Wishes(subject, voice, take or take_dir is not None, take_dir, load(ClientSettings).takes, as_json)


async def _once(text: str, wishes: Wishes, *, speak: bool, start: bool) -> int:
    if text == "-":
        text = sys.stdin.read()
    if not text.strip():
        raise BadRequestError("text" if speak else "prompt", text, "some text")
    settings = load(ClientSettings)
    async with reach("orchestrator", settings, tell=tell, start=start) as connection:
        return await perform_once(Speaker(connection, wishes, settings), text, speak=speak)
