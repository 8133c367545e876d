"""The orchestrator over gRPC: names of turns, outcomes, pages and labels, on a player in this process."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator
from typing import TypeAlias

import grpc
import pytest
import pytest_asyncio

from neurosync.v1 import orchestrator_pb2 as pb
from neurosync.v1 import orchestrator_pb2_grpc, player_pb2
from neurosync.v1.outcome_pb2 import Reason, TurnOutcome
from services.cli.processes.service_process import service_named
from services.cli.processes.stack import Stack, started
from services.serving.error_status import error_info
from tests.faults.recorded_character import RecordedCharacter, recorded_character

Call: TypeAlias = "grpc.aio.UnaryStreamCall[pb.ConverseRequest, pb.ConverseResponse]"

pytestmark = pytest.mark.asyncio(loop_scope="module")

NOWHERE = "127.0.0.1:1"
ID = "3f1d4c62-8a59-4a8e-9a0c-6f7f0b6f2f11"
LONG = "This takes a while to say, so that there is time to ask for it again."


async def finished(stub: orchestrator_pb2_grpc.OrchestratorServiceAsyncStub, **fields: object) -> pb.TurnFinished:
    """Perform a turn and return its end."""
    request = pb.ConverseRequest(**({"session_id": "one"} | fields))  # type: ignore[arg-type]
    events = [event async for event in stub.Converse(request, timeout=60)]
    assert events[0].HasField("accepted")
    return events[-1].finished


async def end_of(call: grpc.aio.UnaryStreamCall[pb.ConverseRequest, pb.ConverseResponse]) -> pb.TurnFinished:
    """Read a call of which something was read to its end."""
    last = pb.ConverseResponse()
    while isinstance(event := await call.read(), pb.ConverseResponse):
        last = event
    return last.finished


async def refused(call: grpc.aio.Call | object) -> tuple[grpc.StatusCode, str]:
    """Return the status and the reason of a call that is refused."""
    with pytest.raises(grpc.aio.AioRpcError) as seen:
        await call  # type: ignore[misc]
    info = error_info(seen.value)
    assert info is not None
    return seen.value.code(), info.reason


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def speaking() -> AsyncIterator[RecordedCharacter]:
    async with contextlib.AsyncExitStack() as resources:
        services = [service_named("tts"), service_named("face")]
        stack = await resources.enter_async_context(
            started(Stack(notify=lambda _: None, services=services, free_ports=True))
        )
        yield await resources.enter_async_context(
            recorded_character("Ada", stack.addresses["tts"], stack.addresses["face"])
        )


@pytest_asyncio.fixture(loop_scope="module")
async def mute() -> AsyncIterator[RecordedCharacter]:
    """An orchestrator without words, voice and face."""
    async with recorded_character("Ada", NOWHERE, NOWHERE) as one:
        yield one


async def test_a_turn_that_is_named_never_speaks_twice(speaking: RecordedCharacter) -> None:
    stub = speaking.stub
    call = stub.Converse(pb.ConverseRequest(session_id="named", speak=LONG, turn_id=ID.upper()), timeout=60)
    first = await call.read()
    assert isinstance(first, pb.ConverseResponse)
    assert first.accepted.turn_id == ID
    again = finished(stub, session_id="other", speak=LONG, turn_id=ID)
    assert await refused(again) == (grpc.StatusCode.ALREADY_EXISTS, "TURN_RUNNING")
    assert (await stub.GetTurn(pb.GetTurnRequest(turn_id=ID), timeout=10)).running.turn_id == ID
    await stub.Interrupt(pb.InterruptRequest(session_id="named", turn_id=ID), timeout=10)
    last = await end_of(call)
    assert await refused(finished(stub, speak=LONG, turn_id=ID)) == (grpc.StatusCode.ALREADY_EXISTS, "TURN_FINISHED")
    known = (await stub.GetTurn(pb.GetTurnRequest(turn_id=ID), timeout=10)).finished
    assert known == last
    assert (last.outcome, last.reason) == (TurnOutcome.TURN_OUTCOME_INTERRUPTED, Reason.REASON_STOPPED)


async def test_a_turn_of_an_unknown_id_is_not_found(mute: RecordedCharacter) -> None:
    asked = mute.stub.GetTurn(pb.GetTurnRequest(turn_id=str(uuid.uuid4())), timeout=10)
    assert await refused(asked) == (grpc.StatusCode.NOT_FOUND, "TURN_UNKNOWN")


async def test_a_refused_turn_gives_its_id_free(speaking: RecordedCharacter) -> None:
    stub, name = speaking.stub, str(uuid.uuid4())
    call = stub.Converse(pb.ConverseRequest(session_id="busy", speak=LONG), timeout=60)
    await call.read()
    refuse = {"session_id": "busy", "turn_id": name, "policy": player_pb2.BUSY_POLICY_REFUSE, "speak": "Me."}
    assert await refused(finished(stub, **refuse)) == (grpc.StatusCode.FAILED_PRECONDITION, "BUSY")
    end = await finished(stub, session_id="busy", turn_id=name, speak="Me.")
    assert (end.turn_id, end.outcome) == (name, TurnOutcome.TURN_OUTCOME_COMPLETED)
    replaced = await end_of(call)
    assert (replaced.outcome, replaced.reason) == (TurnOutcome.TURN_OUTCOME_SUPERSEDED, Reason.REASON_REPLACED)


@pytest.mark.parametrize(("field", "stage"), [("prompt", pb.STAGE_LLM), ("speak", pb.STAGE_TTS)])
async def test_a_turn_whose_stage_is_away_fails_with_the_stage_and_the_reason(
    mute: RecordedCharacter, field: str, stage: pb.Stage.ValueType
) -> None:
    end = await finished(mute.stub, **{field: "Hello."})
    assert (end.outcome, end.stage) == (TurnOutcome.TURN_OUTCOME_FAILED, stage)
    assert (end.reason, end.retryable) == (Reason.REASON_STAGE_UNAVAILABLE, True)
    assert "neurosync up" in end.message


async def test_a_wrong_voice_fails_as_refused_and_not_to_be_retried(speaking: RecordedCharacter) -> None:
    end = await finished(speaking.stub, speak="Hello.", voice="nobody")
    assert (end.outcome, end.stage) == (TurnOutcome.TURN_OUTCOME_FAILED, pb.STAGE_TTS)
    assert (end.reason, end.retryable) == (Reason.REASON_STAGE_REFUSED, False)
    assert "nobody" in end.message


async def test_history_comes_in_pages_with_the_labels_of_turns_and_session(speaking: RecordedCharacter) -> None:
    stub = speaking.stub
    for index in range(3):
        labels = {"labels": {"number": str(index)}, "session_labels": {"user": "42", "game": "chess" if index else ""}}
        await finished(stub, session_id="pages", speak=f"Number {index}.", **labels)
    request = pb.GetHistoryRequest(session_id="pages", page_size=2)
    first = await stub.GetHistory(request, timeout=10)
    request.page_token = first.next_page_token
    second = await stub.GetHistory(request, timeout=10)
    entries = [*first.entries, *second.entries]
    assert [entry.labels["number"] for entry in entries] == ["0", "1", "2"]
    assert (len(first.entries), second.next_page_token) == (2, "")
    assert {entry.outcome for entry in entries} == {TurnOutcome.TURN_OUTCOME_COMPLETED}
    assert dict(first.labels) == {"user": "42", "game": "chess"}


async def accepted(speaking: RecordedCharacter, session: str, policy: player_pb2.BusyPolicy.ValueType) -> Call:
    """Begin a turn and return its call after its first event."""
    request = pb.ConverseRequest(session_id=session, speak=LONG, policy=policy)
    call = speaking.stub.Converse(request, timeout=60)
    first = await call.read()
    assert isinstance(first, pb.ConverseResponse)
    assert first.accepted.turn_id
    return call


async def test_a_turn_that_replaces_supersedes_those_that_speak_and_those_that_wait(
    speaking: RecordedCharacter,
) -> None:
    running = await accepted(speaking, "queue", player_pb2.BUSY_POLICY_REPLACE)
    waiting = await accepted(speaking, "queue", player_pb2.BUSY_POLICY_QUEUE)
    end = await finished(speaking.stub, session_id="queue", speak="Me.")
    assert end.outcome == TurnOutcome.TURN_OUTCOME_COMPLETED
    ends = [await end_of(running), await end_of(waiting)]
    assert {one.outcome for one in ends} == {TurnOutcome.TURN_OUTCOME_SUPERSEDED}
    assert ends[1].heard_sample_count == 0


async def test_a_turn_that_waits_can_be_interrupted_and_its_outcome_is_kept(speaking: RecordedCharacter) -> None:
    stub = speaking.stub
    running = await accepted(speaking, "wait", player_pb2.BUSY_POLICY_REPLACE)
    names = [str(uuid.uuid4()) for _ in range(2)]
    queue = player_pb2.BUSY_POLICY_QUEUE
    calls = [
        stub.Converse(pb.ConverseRequest(session_id="wait", speak=LONG, turn_id=name, policy=queue), timeout=60)
        for name in names
    ]
    for call in calls:
        await call.read()
    answer = await stub.Interrupt(pb.InterruptRequest(session_id="wait", turn_id=names[0]), timeout=10)
    assert (answer.interrupted, answer.turn_id, answer.heard_sample_count) == (True, names[0], 0)
    assert (await end_of(calls[0])).reason == Reason.REASON_STOPPED
    calls[1].cancel()
    async with asyncio.timeout(10):
        while not (state := await stub.GetTurn(pb.GetTurnRequest(turn_id=names[1]), timeout=10)).HasField("finished"):
            pass
    assert (state.finished.outcome, state.finished.reason) == (
        TurnOutcome.TURN_OUTCOME_INTERRUPTED,
        Reason.REASON_CANCELLED,
    )
    await stub.Interrupt(pb.InterruptRequest(session_id="wait"), timeout=10)
    assert (await end_of(running)).outcome == TurnOutcome.TURN_OUTCOME_INTERRUPTED


async def test_a_page_token_belongs_to_its_session(speaking: RecordedCharacter) -> None:
    for index in range(2):
        await finished(speaking.stub, session_id="tokens", speak=f"Number {index}.")
    page = await speaking.stub.GetHistory(pb.GetHistoryRequest(session_id="tokens", page_size=1), timeout=10)
    foreign = pb.GetHistoryRequest(session_id="other", page_token=page.next_page_token)
    assert await refused(speaking.stub.GetHistory(foreign, timeout=10)) == (
        grpc.StatusCode.INVALID_ARGUMENT,
        "INVALID_FIELD",
    )


async def test_a_character_that_another_session_keeps_busy_is_a_reason_of_its_own(
    speaking: RecordedCharacter,
) -> None:
    running = await accepted(speaking, "one voice", player_pb2.BUSY_POLICY_REPLACE)
    while isinstance(event := await running.read(), pb.ConverseResponse) and not event.HasField("started"):
        pass
    end = await finished(speaking.stub, session_id="another", speak="Me.", policy=player_pb2.BUSY_POLICY_REFUSE)
    assert (end.outcome, end.stage) == (TurnOutcome.TURN_OUTCOME_FAILED, pb.STAGE_PLAYER)
    assert (end.reason, end.retryable) == (Reason.REASON_BUSY, True)
    running.cancel()
