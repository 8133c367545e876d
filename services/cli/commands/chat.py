"""`neurosync chat`: a conversation at the terminal. Enter while the character speaks interrupts it."""

from __future__ import annotations

import asyncio
import sys
from typing import Annotated

import grpc
import typer

from services.cli.client.connection import reach
from services.cli.client.turn_client import TurnClient, TurnOptions
from services.cli.commands.options import AsJson, Character, RecordTake, StartServices, Voice
from services.cli.main import app, error_line, run
from services.cli.settings import ClientSettings
from services.cli.terminal.notices import notify
from services.cli.terminal.typed_lines import read_lines
from services.common.errors import NeuroSyncError
from services.common.settings import load

HELP = """\
  any text         the character answers it
  Enter, or text   while it speaks: interrupts it
  /say TEXT        says TEXT as it is
  /history         what was said and heard
  /clear           clears that history
  /quit            ends (as does Ctrl-D)"""


@app.command()
def chat(
    first: Annotated[str, typer.Option("--prompt", help="Ask this first.")] = "",
    character: Character = "",
    voice: Voice = "",
    take: RecordTake = False,
    as_json: AsJson = False,
    start: StartServices = True,
) -> None:
    """Talk: type, hear, see how long each stage took; Enter while it speaks interrupts."""
    run(_chat(first, TurnOptions(character, voice, take, as_json=as_json), start=start))


async def _chat(first: str, options: TurnOptions, *, start: bool) -> int:
    settings = load(ClientSettings)
    async with reach("orchestrator", settings, start=start) as connection:
        notify("type to talk, Enter while it speaks to interrupt, /help for more, /quit to end")
        conversation = _Conversation(TurnClient(connection, options, settings))
        if first:
            notify(f"you> {first}")
            await conversation.turn(first, speak=False)
        await conversation.run()
    return 0


class _Conversation:
    """Typed lines, and the turns they start."""

    def __init__(self, client: TurnClient) -> None:
        self._client = client
        self._lines = read_lines(asyncio.get_running_loop())
        self._next_line: str | None = None

    async def run(self) -> None:
        """Handle lines until the end of input or /quit."""
        while True:
            sys.stderr.write("you> ")
            sys.stderr.flush()
            line = self._next_line or await self._lines.get()
            self._next_line = None
            if line is None or line.split()[:1] in (["/quit"], ["/exit"]):
                return
            await self._handle(line.strip())

    async def turn(self, text: str, *, speak: bool) -> None:
        """Perform one turn; a line that is typed meanwhile interrupts it, and is handled next."""
        turn = asyncio.create_task(self._client.perform(text, speak=speak), name="turn")
        typed = asyncio.create_task(self._lines.get(), name="typed")
        try:
            await asyncio.wait({turn, typed}, return_when=asyncio.FIRST_COMPLETED)
            if not turn.done():
                await self._client.interrupt()
            await turn
        except (NeuroSyncError, grpc.aio.AioRpcError) as error:
            notify(error_line(error))
        finally:
            turn.cancel()
            typed.cancel()
        if not typed.cancelled() and typed.done():
            self._keep_for_next(typed.result())

    def _keep_for_next(self, line: str | None) -> None:
        """Keep a line that interrupted a turn, to be handled next; a bare Enter only interrupts."""
        if line is None:
            self._lines.put_nowait(None)
        else:
            self._next_line = line.strip() or None

    async def _handle(self, line: str) -> None:
        command, _, rest = line.partition(" ")
        match command:
            case "":
                return
            case "/help":
                notify(HELP)
            case "/say":
                if rest.strip():
                    await self.turn(rest, speak=True)
            case "/history":
                for entry in await self._client.history():
                    mark = " (interrupted)" if entry.exchange.interrupted else ""
                    notify(f"  you:  {entry.exchange.user_text}\n  they: {entry.exchange.assistant_text}{mark}")
            case "/clear":
                notify(f"  cleared {await self._client.clear_history()} turns")
            case _ if command.startswith("/"):
                notify(f"  there is no {command}; /help lists what there is")
            case _:
                await self.turn(line, speak=False)
