"""The orchestrator as a gRPC service: sessions, turns, interruptions, history."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Coroutine, Sequence
from typing import TYPE_CHECKING, Any

import grpc

from neurosync.v1 import llm_pb2, media_pb2, orchestrator_pb2, orchestrator_pb2_grpc, outcome_pb2, player_pb2
from services.common.errors import BadRequestError, BusyError, NotReadyError, RefusedBusyError, UnknownTurnError
from services.common.wire import duration
from services.orchestrator.connections import Stages
from services.orchestrator.history import Entry, Session, Sessions
from services.orchestrator.settings import OrchestratorSettings
from services.orchestrator.turn import Turn

if TYPE_CHECKING:
    Context = grpc.aio.ServicerContext[Any, Any]

logger = logging.getLogger(__name__)

MAX_TEXT = 100_000  # characters of a prompt or a text to speak
MAX_NAME = 128  # characters of a session id, voice or model
MAX_SUBJECT_BYTES = 64
SPEEDS = (0.5, 2.0)
CLOSE_SECONDS = 3.0  # for running turns to be stopped at shutdown


class OrchestratorService(orchestrator_pb2_grpc.OrchestratorServiceServicer):
    """Holds conversations; every turn and its last duties belong to this object, not to the call that asked for it."""

    name = "neurosync.v1.OrchestratorService"

    def __init__(self, settings: OrchestratorSettings) -> None:
        self._settings = settings
        self._sessions = Sessions(settings.max_sessions, settings.max_history)
        self._stages: Stages | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def register(self, server: grpc.aio.Server) -> None:
        """Add the handlers to a server."""
        self._stages = Stages(self._settings)
        orchestrator_pb2_grpc.add_OrchestratorServiceServicer_to_server(self, server)

    async def warm_up(self) -> None:
        """Connect to the stages that are there; one that is away is told when a turn needs it."""
        if self._stages is not None:
            await self._stages.warm_up()

    async def close(self) -> None:
        """Interrupt what is being said, and let go of the stages."""
        await asyncio.gather(*(turn.interrupt() for turn in self._sessions.running()))
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=CLOSE_SECONDS)
        if self._stages is not None:
            await self._stages.close()

    async def Converse(  # noqa: N802
        self, request: orchestrator_pb2.ConverseRequest, context: Context
    ) -> AsyncIterator[orchestrator_pb2.ConverseResponse]:
        """Perform one turn and yield what happens in it."""
        _check(request)
        turn = await self._begin(self._sessions.open(request.session_id), request)
        try:
            async for event in turn.events():
                yield event
        finally:
            turn.forsake()
            if not turn.ended.is_set():  # the client is gone or has cancelled: that is an interruption
                self._spawn(turn.interrupt(), name=f"interrupt {turn.turn_id}")

    async def Interrupt(  # noqa: N802
        self, request: orchestrator_pb2.InterruptRequest, context: Context
    ) -> orchestrator_pb2.InterruptResponse:
        """Silence a session."""
        _check_session_id(request.session_id)
        _check_name("turn_id", request.turn_id)
        session = self._sessions.find(request.session_id)
        turn = session.turn if session else None
        if turn is None or (request.turn_id and request.turn_id != turn.turn_id):
            return orchestrator_pb2.InterruptResponse()
        await turn.interrupt()
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
        raise UnknownTurnError(f"no turn {request.turn_id} is known")

    async def GetHistory(  # noqa: N802
        self, request: orchestrator_pb2.GetHistoryRequest, context: Context
    ) -> orchestrator_pb2.GetHistoryResponse:
        """Tell what was said and heard."""
        _check_session_id(request.session_id)
        session = self._sessions.find(request.session_id)
        return orchestrator_pb2.GetHistoryResponse(entries=map(_history_entry, session.entries if session else ()))

    async def ClearHistory(  # noqa: N802
        self, request: orchestrator_pb2.ClearHistoryRequest, context: Context
    ) -> orchestrator_pb2.ClearHistoryResponse:
        """Forget what was said and heard."""
        _check_session_id(request.session_id)
        session = self._sessions.find(request.session_id)
        count = len(session.entries) if session else 0
        if session:
            session.entries.clear()
        return orchestrator_pb2.ClearHistoryResponse(entry_count=count)

    async def _begin(self, session: Session, request: orchestrator_pb2.ConverseRequest) -> Turn:
        """Give a turn its place in the session, as its policy says, and start it."""
        policy = request.policy or player_pb2.BUSY_POLICY_REPLACE
        if policy == player_pb2.BUSY_POLICY_REFUSE and session.busy:
            raise RefusedBusyError("the session is speaking, and the policy is to refuse")
        if len(self._sessions.running()) >= self._settings.max_turns:
            raise BusyError(f"{self._settings.max_turns} turns are running; try again later")
        async with session.starting:
            if session.turn is not None and policy == player_pb2.BUSY_POLICY_REPLACE:
                await session.turn.interrupt()
            if session.turn is not None:
                await session.turn.ended.wait()
            if self._stages is None:
                raise NotReadyError("the service is not registered with a server")
            turn = session.turn = Turn(request, self._stages, self._settings, tuple(session.entries))
            self._spawn(self._perform(session, turn), name=f"turn {turn.turn_id}")
            return turn

    async def _perform(self, session: Session, turn: Turn) -> None:
        """Run a turn to its end and keep what was heard; nothing that happens to the client's call changes that."""
        try:
            await turn.run()
            if turn.finished.heard_text:
                session.remember(_entry(turn))
        finally:
            session.turn = None
            turn.close()

    def _spawn(self, work: Coroutine[Any, Any, None], *, name: str) -> None:
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._forget)

    def _forget(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("task failed name=%s", task.get_name(), exc_info=error)


def _check(request: orchestrator_pb2.ConverseRequest) -> None:
    """Check every field of a request for a turn."""
    _check_session_id(request.session_id)
    kind = request.WhichOneof("input")
    if kind is None:
        raise BadRequestError("input", "nothing", "a prompt, or a text to speak")
    for field in (kind, "system_prompt"):
        _check_length(field, getattr(request, field), MAX_TEXT)
        if "\0" in getattr(request, field):
            raise BadRequestError(field, "a NUL character", "text")
    if not getattr(request, kind).strip():
        raise BadRequestError(kind, getattr(request, kind), "some text")
    if len(request.subject.encode()) > MAX_SUBJECT_BYTES or not request.subject.isprintable():
        raise BadRequestError("subject", request.subject, f"at most {MAX_SUBJECT_BYTES} bytes of printable text")
    for field in ("voice", "model"):
        _check_name(field, getattr(request, field))
    if request.speed and not SPEEDS[0] <= request.speed <= SPEEDS[1]:  # also refuses NaN
        raise BadRequestError("speed", request.speed, f"{SPEEDS[0]} to {SPEEDS[1]}, or 0 for 1")
    _check_emotions("emotions", request.emotions)
    if request.policy not in player_pb2.BusyPolicy.values():
        raise BadRequestError("policy", request.policy, "a BusyPolicy")


def _check_emotions(field: str, emotions: Sequence[media_pb2.EmotionWeight]) -> None:
    known = media_pb2.Emotion.values()
    if len(emotions) >= len(known):
        raise BadRequestError(field, f"{len(emotions)} weights", f"at most {len(known) - 1}")
    for index, item in enumerate(emotions):
        if item.emotion not in known or not item.emotion:
            raise BadRequestError(f"{field}[{index}].emotion", item.emotion, "an Emotion")
        if not 0 <= item.weight <= 1:
            raise BadRequestError(f"{field}[{index}].weight", item.weight, "0 to 1")


def _check_session_id(session_id: str) -> None:
    if not session_id:
        raise BadRequestError("session_id", session_id, f"1 to {MAX_NAME} characters")
    _check_name("session_id", session_id)


def _check_name(field: str, name: str) -> None:
    """Check what names something; it may be empty."""
    _check_length(field, name, MAX_NAME)
    if "\0" in name:
        raise BadRequestError(field, name, "text without NUL characters")


def _check_length(field: str, text: str, most: int) -> None:
    if len(text) > most:
        raise BadRequestError(field, f"{len(text)} characters", f"at most {most} characters")


_CUT_SHORT = (outcome_pb2.TURN_OUTCOME_INTERRUPTED, outcome_pb2.TURN_OUTCOME_SUPERSEDED)


def _entry(turn: Turn) -> Entry:
    finished = turn.finished
    seconds = finished.heard_sample_count / finished.sample_rate_hertz if finished.sample_rate_hertz else 0.0
    return Entry(
        turn.turn_id, turn.request.prompt, finished.heard_text, finished.outcome in _CUT_SHORT, turn.started, seconds
    )


def _history_entry(entry: Entry) -> orchestrator_pb2.HistoryEntry:
    message = orchestrator_pb2.HistoryEntry(
        turn_id=entry.turn_id,
        exchange=llm_pb2.Exchange(
            user_text=entry.user_text, assistant_text=entry.heard_text, interrupted=entry.interrupted
        ),
        heard=duration(entry.heard_seconds),
    )
    message.started.FromNanoseconds(round(entry.started * 1e9))
    return message
