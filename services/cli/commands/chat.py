"""`neurosync chat`: a conversation at the terminal. Enter while the character speaks interrupts it."""

from __future__ import annotations

import asyncio
import sys
from typing import Annotated

import grpc
import typer

from services.cli.client.connection import reach
from services.cli.client.turn_client import Speaker, Wishes
from services.cli.commands.ask import AsJson, Start, Subject, TakeFlag, Voice
from services.cli.main import app, run, tell
from services.cli.settings import ClientSettings
from services.cli.terminal.typed_lines import read_lines
from services.common.errors import NeuroSyncError
from services.common.settings import load

HELP = """\
  any text         the character answers it
  Enter, or text   while it speaks: interrupts it
  /say TEXT        says TEXT as it is
  /history         what was said and heard
  /clear           forgets it
  /quit            ends (as does Ctrl-D)"""


@app.command()
def chat(
    first: Annotated[str, typer.Option("--prompt", help="Ask this first.")] = "",
    subject: Subject = "",
    voice: Voice = "",
    take: TakeFlag = False,
    as_json: AsJson = False,
    start: Start = True,
) -> None:
    """Talk: type, hear, see how long each stage took; Enter while it speaks interrupts."""
    run(_chat(first, Wishes(subject, voice, take, None, load(ClientSettings).takes, as_json), start))


async def _chat(first: str, wishes: Wishes, start: bool) -> int:
    settings = load(ClientSettings)
    async with reach("orchestrator", settings, tell=tell, start=start) as connection:
        tell("type to talk, Enter while it speaks to interrupt, /help for more, /quit to end")
        conversation = _Conversation(Speaker(connection, wishes, settings))
        if first:
            tell(f"you> {first}")
            await conversation.turn(first, speak=False)
        await conversation.run()
    return 0


class _Conversation:
    """Lines typed, and the turns they make."""

    def __init__(self, speaker: Speaker) -> None:
        self._speaker = speaker
        self._lines = read_lines(asyncio.get_running_loop())
        self._interjection: str | None = None

    async def run(self) -> None:
        """Take lines until the end of input or /quit."""
        while True:
            sys.stderr.write("you> ")
            sys.stderr.flush()
            line = self._interjection or await self._lines.get()
            self._interjection = None
            if line is None or line.split()[:1] in (["/quit"], ["/exit"]):
                return
            await self._obey(line.strip())

    async def turn(self, text: str, *, speak: bool) -> None:
        """Perform one turn; a line that is typed meanwhile interrupts it, and is obeyed next."""
        turn = asyncio.create_task(self._speaker.perform(text, speak=speak), name="turn")
        typed = asyncio.create_task(self._lines.get(), name="typed")
        try:
            await asyncio.wait({turn, typed}, return_when=asyncio.FIRST_COMPLETED)
            if not turn.done():
                await self._speaker.interrupt()
            await turn
        except NeuroSyncError as error:
            tell(f"error: {error}")
        except grpc.aio.AioRpcError as error:
            tell(f"error: {error.code().name}: {error.details()}")
        finally:
            turn.cancel()
            typed.cancel()
        if not typed.cancelled() and typed.done():
            self._interject(typed.result())

    def _interject(self, line: str | None) -> None:
        """Keep a line that interrupted a turn, to be obeyed next; a bare Enter only interrupts."""
        if line is None:
            self._lines.put_nowait(None)
        else:
            self._interjection = line.strip() or None

    async def _obey(self, line: str) -> None:
        command, _, rest = line.partition(" ")
        match command:
            case "":
                return
            case "/help":
                tell(HELP)
            case "/say":
                if rest.strip():
                    await self.turn(rest, speak=True)
            case "/history":
                for entry in await self._speaker.history():
                    mark = " (interrupted)" if entry.exchange.interrupted else ""
                    tell(f"  you:  {entry.exchange.user_text}\n  they: {entry.exchange.assistant_text}{mark}")
            case "/clear":
                tell(f"  forgot {await self._speaker.forget()} turns")
            case _ if command.startswith("/"):
                tell(f"  there is no {command}; /help lists what there is")
            case _:
                await self.turn(line, speak=False)
