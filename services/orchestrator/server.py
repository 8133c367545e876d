"""The gRPC service of the orchestrator: sessions, turns, interruptions, history."""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from collections.abc import AsyncIterator, Coroutine
from typing import TYPE_CHECKING, Any

import grpc

from neurosync.v1 import orchestrator_pb2, orchestrator_pb2_grpc, player_pb2
from neurosync.v1.outcome_pb2 import Reason
from services.common.errors import BusyError, NotReadyError, RefusedBusyError
from services.common.wire import busy_policy, parse_turn_id
from services.orchestrator.converse_request import check_converse, check_session_id, page_token, parse_page
from services.orchestrator.history import HistoryEntry
from services.orchestrator.record.outcome import Interrupted, Superseded
from services.orchestrator.sessions import Session, Sessions
from services.orchestrator.settings import OrchestratorSettings
from services.orchestrator.stages.connections import Connections
from services.orchestrator.turn import Turn
from services.orchestrator.turn_registry import TurnRegistry

if TYPE_CHECKING:
    Context = grpc.aio.ServicerContext[Any, Any]

logger = logging.getLogger(__name__)

CLOSE_SECONDS = 3.0  # for running turns to be stopped at shutdown


class OrchestratorService(orchestrator_pb2_grpc.OrchestratorServiceServicer):
    """Holds conversations; every turn belongs to this object, not to the call that asked for it."""

    name = "neurosync.v1.OrchestratorService"

    def __init__(self, settings: OrchestratorSettings) -> None:
        self._settings = settings
        self._sessions = Sessions(settings.max_sessions, settings.max_history)
        self._turns = TurnRegistry()
        self._connections: Connections | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def register(self, server: grpc.aio.Server) -> None:
        """Add the handlers to a server."""
        self._connections = Connections(self._settings)
        orchestrator_pb2_grpc.add_OrchestratorServiceServicer_to_server(self, server)

    async def warm_up(self) -> None:
        """Connect to the stages that are there; one that is away is reported when a turn needs it."""
        if self._connections is not None:
            await self._connections.warm_up()

    async def close(self) -> None:
        """Silence the running turns, and close the connections to the stages."""
        ending = Interrupted(Reason.REASON_SHUTTING_DOWN)
        await asyncio.gather(*(turn.silence(ending) for turn in self._sessions.running()))
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=CLOSE_SECONDS)
        if self._connections is not None:
            await self._connections.close()

    async def Converse(  # noqa: N802
        self, request: orchestrator_pb2.ConverseRequest, context: Context
    ) -> AsyncIterator[orchestrator_pb2.ConverseResponse]:
        """Perform one turn and yield its events."""
        check_converse(request)
        turn_id = parse_turn_id(request.turn_id) if request.turn_id else str(uuid.uuid4())
        accepted = orchestrator_pb2.TurnAccepted(turn_id=turn_id, subject=request.subject)
        accepted.started.FromNanoseconds(time.time_ns())
        self._turns.claim(accepted)
        try:
            turn = self._begin(self._sessions.open(request.session_id), request, accepted)
        except BaseException:
            self._turns.release(turn_id)
            raise
        try:
            async for event in turn.events():
                yield event
        finally:
            turn.detach()
            if not turn.ended.is_set():  # the client is gone or has cancelled: that is an interruption
                self._spawn(turn.silence(Interrupted(Reason.REASON_CANCELLED)), name=f"interrupt {turn.turn_id}")

    async def Interrupt(  # noqa: N802
        self, request: orchestrator_pb2.InterruptRequest, context: Context
    ) -> orchestrator_pb2.InterruptResponse:
        """Silence a session."""
        check_session_id(request.session_id)
        turn_id = parse_turn_id(request.turn_id) if request.turn_id else ""
        session = self._sessions.find(request.session_id)
        turn = session.find_turn(turn_id) if session else None
        if turn is None:
            return orchestrator_pb2.InterruptResponse()
        await turn.silence(Interrupted(Reason.REASON_STOPPED))
        return orchestrator_pb2.InterruptResponse(
            interrupted=True,
            turn_id=turn.turn_id,
            heard_sample_count=turn.finished.heard_sample_count,
            heard_text=turn.finished.heard_text,
        )

    async def GetTurn(  # noqa: N802
        self, request: orchestrator_pb2.GetTurnRequest, context: Context
    ) -> orchestrator_pb2.GetTurnResponse:
        """Return how a turn ended, or that it is running."""
        return self._turns.find(parse_turn_id(request.turn_id))

    async def GetHistory(  # noqa: N802
        self, request: orchestrator_pb2.GetHistoryRequest, context: Context
    ) -> orchestrator_pb2.GetHistoryResponse:
        """Return a page of what was said and heard."""
        check_session_id(request.session_id)
        number, size = parse_page(request)
        session = self._sessions.find(request.session_id)
        if session is None:
            return orchestrator_pb2.GetHistoryResponse()
        entries, following = session.history.page(number, size)
        return orchestrator_pb2.GetHistoryResponse(
            entries=[entry.message() for entry in entries],
            next_page_token="" if following is None else page_token(request.session_id, following),
            labels=session.labels,
        )

    async def ClearHistory(  # noqa: N802
        self, request: orchestrator_pb2.ClearHistoryRequest, context: Context
    ) -> orchestrator_pb2.ClearHistoryResponse:
        """Forget what was said and heard."""
        check_session_id(request.session_id)
        session = self._sessions.find(request.session_id)
        return orchestrator_pb2.ClearHistoryResponse(entry_count=session.history.clear() if session else 0)

    def _begin(
        self, session: Session, request: orchestrator_pb2.ConverseRequest, accepted: orchestrator_pb2.TurnAccepted
    ) -> Turn:
        """Give a turn its place in the session, as its policy says; it starts when those before it have ended."""
        policy = busy_policy(request.policy)
        if policy == player_pb2.BUSY_POLICY_REFUSE and session.is_busy:
            raise RefusedBusyError("the session is speaking, and the policy is to refuse")
        if len(self._sessions.running()) >= self._settings.max_turns:
            raise BusyError(f"{self._settings.max_turns} turns are running; try again later")
        if self._connections is None:
            raise NotReadyError("the service is not registered with a server")
        session.merge_labels(request.session_labels)
        if policy == player_pb2.BUSY_POLICY_REPLACE:
            for other in session.turns:
                other.request_silence(Superseded())
        turn = Turn(request, accepted, self._connections, self._settings)
        session.turns.append(turn)
        self._spawn(self._perform(session, turn), name=f"turn {turn.turn_id}")
        return turn

    async def _perform(self, session: Session, turn: Turn) -> None:
        """Run a turn in its place and keep what was heard; nothing that happens to the client's call changes that."""
        try:
            await session.wait_place(turn)
            await turn.run(tuple(session.history))
            if turn.finished.heard_text:
                session.history.add(_entry(turn))
        finally:
            session.turns.remove(turn)
            self._turns.finish(turn.finished)
            turn.close()

    def _spawn(self, work: Coroutine[Any, Any, None], *, name: str) -> None:
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._forget)

    def _forget(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("task failed name=%s", task.get_name(), exc_info=error)


def _entry(turn: Turn) -> HistoryEntry:
    finished = turn.finished
    return HistoryEntry(
        turn_id=turn.turn_id,
        user_text=turn.request.prompt,
        heard_text=finished.heard_text,
        outcome=finished.outcome,
        started=turn.started,
        heard_seconds=finished.heard_sample_count / finished.sample_rate_hertz if finished.sample_rate_hertz else 0.0,
        labels=dict(turn.request.labels),
    )
