"""Performs turns of one session through the orchestrator: prints them as they happen, and records them if wanted."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from neurosync.v1 import orchestrator_pb2, orchestrator_pb2_grpc
from neurosync.v1.orchestrator_pb2 import ConverseRequest, ConverseResponse, TurnFinished
from services.cli.client.connection import Connection, player_beside
from services.cli.client.synchronized_capture import capturing
from services.cli.client.turn_recording import TakeRecorder
from services.cli.client.turn_summary import summary_lines, summary_table
from services.cli.settings import ClientSettings
from services.cli.terminal.notices import notify
from services.common.errors import UnavailableError

ANSWER_SECONDS = 5.0  # for the orchestrator to answer anything but a turn


@dataclass(frozen=True)
class TurnOptions:
    """How turns are performed and shown."""

    character: str = ""
    """Who performs; empty: the player's default."""
    voice: str = ""
    """As the speech service names it; empty: its own default."""
    take: bool = False
    """Whether each turn is recorded."""
    take_folder: Path | None = None
    """Where; None: a new folder under `ClientSettings.takes`, named after time and text."""
    as_json: bool = False
    """Whether a JSON object at the end of each turn is all that is printed."""


class TurnClient:
    """Performs turns of one session, one at a time."""

    def __init__(self, connection: Connection, options: TurnOptions, settings: ClientSettings) -> None:
        """Begin a session with the orchestrator of `connection`; `settings` have the player, if takes are recorded."""
        self._connection, self._options, self._settings = connection, options, settings
        self._session_id = f"cli-{uuid.uuid4()}"
        self._stub: orchestrator_pb2_grpc.OrchestratorServiceAsyncStub = orchestrator_pb2_grpc.OrchestratorServiceStub(
            connection.channel
        )
        self._accepted = asyncio.Event()

    async def perform(self, text: str, *, speak: bool) -> TurnFinished:
        """Perform one turn and print it.

        Args:
            text: What to answer, or what to say.
            speak: Whether to say `text` as it is.

        Raises:
            UnavailableError: The orchestrator ended the stream before it reported the end of the turn.
        """
        self._accepted.clear()
        if speak:
            self._print(text)
        async with self._recorder(None if speak else text) as recorder:
            call = self._stub.Converse(self._request(text, speak=speak), metadata=self._connection.metadata)
            try:
                async for event in call:
                    self._accepted.set()
                    recorder.add(event)
                    if event.HasField("finished"):
                        await self._finish(event.finished, recorder)
                        return event.finished
                    self._show(event)
            finally:
                self._accepted.set()
                call.cancel()
        raise UnavailableError("the orchestrator ended the stream before it reported the end of the turn")

    async def interrupt(self) -> None:
        """Silence the turn, once it has begun; `perform` then returns what was heard."""
        await self._accepted.wait()
        request = orchestrator_pb2.InterruptRequest(session_id=self._session_id)
        await self._stub.Interrupt(request, timeout=ANSWER_SECONDS, metadata=self._connection.metadata)

    async def history(self) -> list[orchestrator_pb2.HistoryEntry]:
        """Return the turns so far."""
        request = orchestrator_pb2.GetHistoryRequest(session_id=self._session_id)
        response = await self._stub.GetHistory(request, timeout=ANSWER_SECONDS, metadata=self._connection.metadata)
        return list(response.entries)

    async def clear_history(self) -> int:
        """Clear the history and return how many turns it had."""
        request = orchestrator_pb2.ClearHistoryRequest(session_id=self._session_id)
        response = await self._stub.ClearHistory(request, timeout=ANSWER_SECONDS, metadata=self._connection.metadata)
        return response.entry_count

    def _request(self, text: str, *, speak: bool) -> ConverseRequest:
        options = self._options
        request = ConverseRequest(
            session_id=self._session_id, subject=options.character, voice=options.voice, include_media=options.take
        )
        if speak:
            request.speak = text
        else:
            request.prompt = text
        return request

    @contextlib.asynccontextmanager
    async def _recorder(self, prompt: str | None) -> AsyncIterator[TakeRecorder]:
        """Yield a recorder, which captures the frames of the player as well where a take is wanted."""
        if not self._options.take:
            yield TakeRecorder(prompt)
            return
        async with (
            player_beside(self._connection, self._settings) as player,
            capturing(player, self._options.character, notify) as capture,
        ):
            yield TakeRecorder(prompt, capture)

    def _show(self, event: ConverseResponse) -> None:
        """Print what people want to see while it happens: the text, and what goes wrong."""
        if event.HasField("notice"):
            notify(f"note: {event.notice.message}")
        elif event.HasField("delta"):
            self._print(event.delta.text)

    def _print(self, text: str) -> None:
        if not self._options.as_json:
            sys.stdout.write(text)
            sys.stdout.flush()

    async def _finish(self, finished: TurnFinished, recorder: TakeRecorder) -> None:
        """Write the take, and print how the turn ended."""
        folder: Path | None = None
        if self._options.take:
            folder = await recorder.write(self._options.take_folder, self._settings.takes, finished)
        if self._options.as_json:
            lines = [json.dumps(summary_table(finished, folder))]
        else:
            lines = ["", *summary_lines(finished, folder)]
        sys.stdout.write("\n".join(lines) + "\n")
        sys.stdout.flush()
