"""Perform one turn from the command line: ask for it, show it as it happens, record it if wanted."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import sys
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

from neurosync.v1 import orchestrator_pb2, orchestrator_pb2_grpc
from neurosync.v1.orchestrator_pb2 import ConverseRequest, ConverseResponse, TurnFinished
from neurosync.v1.outcome_pb2 import Reason, TurnOutcome
from services.cli.client.connection import Connection, player_beside
from services.cli.client.synchronized_capture import watching
from services.cli.client.turn_recording import CUT_SHORT, TakeRecorder
from services.cli.main import tell
from services.cli.settings import ClientSettings
from services.common.errors import UnavailableError
from services.common.wire import seconds_of

STAGES = ("first_word", "first_sentence", "first_audio", "first_frame", "first_sound", "total")


@dataclass(frozen=True)
class Wishes:
    """What the user asked for besides the text."""

    subject: str = ""
    voice: str = ""
    take: bool = False
    take_folder: Path | None = None
    """None: a new folder under `takes`, named after time and text."""
    takes: Path = Path("takes")
    as_json: bool = False


@dataclass
class Speaker:
    """Performs turns of one session, one at a time."""

    connection: Connection
    wishes: Wishes
    settings: ClientSettings
    """Where the player is, if a take is wanted."""
    session_id: str = field(default_factory=lambda: f"cli-{uuid.uuid4()}")

    def __post_init__(self) -> None:
        self._stub: orchestrator_pb2_grpc.OrchestratorServiceAsyncStub = orchestrator_pb2_grpc.OrchestratorServiceStub(
            self.connection.channel
        )
        self._accepted = asyncio.Event()

    async def perform(self, text: str, *, speak: bool) -> TurnFinished:
        """Perform one turn and show it.

        Args:
            text: What to answer, or what to say.
            speak: Whether to say `text` as it is.

        Raises:
            UnavailableError: The orchestrator ended the turn without its last word.
        """
        wishes = self.wishes
        request = ConverseRequest(
            session_id=self.session_id, subject=wishes.subject, voice=wishes.voice, include_media=wishes.take
        )
        if speak:
            request.speak = text
            self._print(text)
        else:
            request.prompt = text
        self._accepted.clear()
        async with self._recorder(None if speak else text) as recorder:
            call = self._stub.Converse(request, metadata=self.connection.metadata)
            try:
                async for event in call:
                    self._accepted.set()
                    recorder.note(event)
                    if event.HasField("finished"):
                        await self._conclude(event.finished, recorder)
                        return event.finished
                    self._show(event)
            finally:
                self._accepted.set()
                call.cancel()
        raise UnavailableError("the turn ended without a word from the orchestrator")

    @contextlib.asynccontextmanager
    async def _recorder(self, prompt: str | None) -> AsyncIterator[TakeRecorder]:
        """Yield a recorder that watches the player as well, where a take is wanted."""
        if not self.wishes.take:
            yield TakeRecorder(prompt)
            return
        async with (
            player_beside(self.connection, self.settings) as player,
            watching(player, self.wishes.subject, tell) as witness,
        ):
            yield TakeRecorder(prompt, witness)

    async def interrupt(self) -> None:
        """Silence the turn, once it has begun; `perform` then returns what was heard."""
        await self._accepted.wait()
        request = orchestrator_pb2.InterruptRequest(session_id=self.session_id)
        await self._stub.Interrupt(request, timeout=5, metadata=self.connection.metadata)

    async def history(self) -> list[orchestrator_pb2.HistoryEntry]:
        """Return the turns so far."""
        request = orchestrator_pb2.GetHistoryRequest(session_id=self.session_id)
        return list((await self._stub.GetHistory(request, timeout=5, metadata=self.connection.metadata)).entries)

    async def forget(self) -> int:
        """Clear the history and return how many turns it had."""
        request = orchestrator_pb2.ClearHistoryRequest(session_id=self.session_id)
        return (await self._stub.ClearHistory(request, timeout=5, metadata=self.connection.metadata)).entry_count

    def _show(self, event: ConverseResponse) -> None:
        """Show what people want to see while it happens: the text, and what goes wrong."""
        if event.HasField("notice"):
            tell(f"note: {event.notice.message}")
        elif event.HasField("delta"):
            self._print(event.delta.text)

    def _print(self, text: str) -> None:
        if not self.wishes.as_json:
            sys.stdout.write(text)
            sys.stdout.flush()

    async def _conclude(self, finished: TurnFinished, recorder: TakeRecorder) -> None:
        """Show how the turn ended, and write the take."""
        folder: Path | None = None
        if self.wishes.take:
            folder = await recorder.write(self.wishes.take_folder, self.wishes.takes, finished)
        if self.wishes.as_json:
            sys.stdout.write(json.dumps(summary(finished, folder)) + "\n")
        else:
            sys.stdout.write("\n")
            for line in account(finished, folder):
                sys.stdout.write(line + "\n")
        sys.stdout.flush()


def summary(finished: TurnFinished, folder: Path | None) -> dict[str, object]:
    """Return how a turn went, for scripts; durations in seconds."""
    rate = finished.sample_rate_hertz
    return {
        "outcome": TurnOutcome.Name(finished.outcome).removeprefix("TURN_OUTCOME_").lower(),
        "reason": Reason.Name(finished.reason).removeprefix("REASON_").lower() if finished.reason else None,
        "text": finished.text,
        "heard_text": finished.heard_text,
        "heard_seconds": round(finished.heard_sample_count / rate, 3) if rate else 0.0,
        "stages": {timing.stage: round(seconds_of(timing.duration), 4) for timing in finished.timings},
        "providers": dict(finished.providers),
        "message": finished.message or None,
        "take": str(folder) if folder else None,
    }


def account(finished: TurnFinished, folder: Path | None) -> list[str]:
    """Return how a turn went, for people."""
    stages = {timing.stage: seconds_of(timing.duration) for timing in finished.timings}
    lines = [""]
    lines += [f"  {stage.replace('_', ' '):<15}{stages[stage]:7.3f} s" for stage in STAGES if stage in stages]
    if finished.sample_rate_hertz:
        lines.append(f"  {'heard':<15}{finished.heard_sample_count / finished.sample_rate_hertz:7.3f} s")
    if finished.providers:
        lines.append("  made by        " + ", ".join(f"{name} {by}" for name, by in sorted(finished.providers.items())))
    if finished.outcome in CUT_SHORT:
        lines.append(f"  interrupted after: {finished.heard_text!r}")
    if finished.message:
        lines.append(f"  failed: {finished.message}")
    if folder is not None:
        lines += [f"  take           {folder}", f"  look at it:    {folder / 'take.html'}"]
    return lines


async def perform_once(speaker: Speaker, text: str, *, speak: bool) -> int:
    """Perform one turn; Ctrl-C interrupts it, and what was heard is still told. Return the exit status."""
    loop, interrupted = asyncio.get_running_loop(), asyncio.Event()

    def once(number: int, _frame: object) -> None:
        signal.signal(number, signal.default_int_handler)
        loop.call_soon_threadsafe(interrupted.set)

    before = signal.signal(signal.SIGINT, once)
    turn = asyncio.create_task(speaker.perform(text, speak=speak), name="turn")
    waiting = asyncio.create_task(interrupted.wait(), name="wait for Ctrl-C")
    try:
        await asyncio.wait({turn, waiting}, return_when=asyncio.FIRST_COMPLETED)
        if interrupted.is_set():
            await speaker.interrupt()
        finished = await turn
    finally:
        waiting.cancel()
        turn.cancel()
        signal.signal(signal.SIGINT, before)
    if interrupted.is_set():
        return 130
    return 0 if finished.outcome == TurnOutcome.TURN_OUTCOME_COMPLETED else 1
