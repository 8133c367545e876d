"""Too many correct requests: a thousand calls at once, ten thousand messages, endless streams."""

from __future__ import annotations

import asyncio
import threading
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from typing import Any

import grpc
import numpy as np
import pytest

from neurosync.v1 import face_pb2, llm_pb2, media_pb2, orchestrator_pb2, player_pb2, tts_pb2
from services.common.wire import audio_chunk
from services.serving.guard import MAX_CALLS, RELEASE_DELAY_SECONDS, REQUEST_SECONDS
from tests.abuse.processes import INACTIVITY, OPTIONS, Server
from tests.abuse.rpcs import RPCS, STUBS
from tests.abuse.valid_calls import CHUNK, FORMAT, RATE, check_serves, config

CALLS = 1_000
MESSAGES = 10_000
GROWTH = 50.0
"""Megabytes that a service may grow by."""
REFUSED_WHILE_WRITING = "Internal error from Core"
"""Details of the INTERNAL status that Python's asynchronous client raises by itself when it still writes into a refused
call, as it may with a thousand calls at once. No server sends this text."""
HEALTH_SECONDS = 3.0
"""Time limit for a health check of a flooded service; the probe of a cluster has the same."""
A, P = face_pb2.AnimateRequest, player_pb2.PerformRequest
SOUND = np.full(CHUNK, 500, np.int16)


def animate() -> list[Any]:
    return [A(config=face_pb2.AnimateConfig(format=FORMAT)), A(audio=audio_chunk(0, SOUND))]


def perform() -> list[Any]:
    queue = player_pb2.BUSY_POLICY_QUEUE  # a turn that is replaced would end at once, and with OK
    return [P(config=config(subject=f"Flood {np.random.default_rng().integers(9)}", policy=queue))]


def converse() -> list[Any]:
    refuse = player_pb2.BUSY_POLICY_REFUSE
    return [
        orchestrator_pb2.ConverseRequest(
            session_id=f"flood {np.random.default_rng().integers(8)}", speak="Hi.", subject="Flood 0", policy=refuse
        )
    ]


FLOODS: dict[str, tuple[Callable[[], list[Any]], set[str]]] = {
    "Generate": (lambda: [llm_pb2.GenerateRequest(prompt="Hi.", max_output_token_count=1)], {"OK"}),
    "Synthesize": (lambda: [tts_pb2.SynthesizeRequest(text="Hi.")], {"OK"}),
    "Animate": (animate, {"DEADLINE_EXCEEDED"}),
    "Perform": (perform, {"DEADLINE_EXCEEDED"}),
    "WatchFrames": (lambda: [player_pb2.WatchFramesRequest()], {"DEADLINE_EXCEEDED"}),
    "GetStatus": (lambda: [player_pb2.GetStatusRequest()], {"OK"}),
    "Stop": (lambda: [player_pb2.StopRequest(turn_id=str(uuid.uuid4()))], {"OK"}),
    "Converse": (converse, {"OK", "FAILED_PRECONDITION"}),
    "GetHistory": (lambda: [orchestrator_pb2.GetHistoryRequest(session_id="a")], {"OK"}),
}


async def final_status(stub: Any, name: str, messages: list[Any]) -> str:
    """Return the final status of a call; its request stream, if any, stays open until then."""
    over = asyncio.Event()

    async def requests() -> AsyncIterator[Any]:
        for message in messages:
            yield message
        await over.wait()

    rpc = RPCS[name]
    seconds = 5.0 if rpc.endless else 60.0
    call = getattr(stub, name)(requests() if rpc.first else messages[0], timeout=seconds)
    try:
        if hasattr(call, "__aiter__"):
            async for _ in call:
                pass
        else:
            await call
    except grpc.aio.AioRpcError as error:
        if error.details() == REFUSED_WHILE_WRITING:
            return "RESOURCE_EXHAUSTED"
        return error.code().name
    finally:
        over.set()
    return "OK"


def growth_after_release(server: Server, before: float) -> float:
    """Return by how many megabytes a server has grown, after the time in which it releases freed memory."""
    until = time.monotonic() + 2 * RELEASE_DELAY_SECONDS
    while server.megabytes - before > GROWTH / 2 and time.monotonic() < until:
        time.sleep(0.05)
    return server.megabytes - before


@pytest.mark.parametrize("name", list(FLOODS))
async def test_a_thousand_calls_at_once_are_served_or_refused(servers: dict[str, Server], name: str) -> None:
    make, allowed = FLOODS[name]
    server = servers[RPCS[name].service]
    before, started = server.megabytes, time.monotonic()
    async with AsyncExitStack() as stack:
        channels = [grpc.aio.insecure_channel(server.address, options=OPTIONS) for _ in range(4)]
        stubs = [STUBS[server.name](await stack.enter_async_context(channel)) for channel in channels]
        calls = [asyncio.create_task(final_status(stubs[number % 4], name, make())) for number in range(CALLS)]
        asked = time.monotonic()
        while not await asyncio.to_thread(server.is_serving):
            assert time.monotonic() - asked < HEALTH_SECONDS
        counts = Counter(await asyncio.gather(*calls))
    seconds = time.monotonic() - started
    growth = await asyncio.to_thread(growth_after_release, server, before)
    print(f"\n{name}: {dict(counts)} in {seconds:.1f} s, {growth:.1f} MB")
    assert set(counts) <= allowed | {"RESOURCE_EXHAUSTED"}
    assert sum(counts[status] for status in allowed) >= 1
    assert growth <= GROWTH
    await asyncio.to_thread(check_serves, servers, server.name)


def test_calls_beyond_the_limit_are_refused_and_health_checks_are_answered(servers: dict[str, Server]) -> None:
    """Calls that send nothing stay open until their time limit."""
    server, over = servers["tts"], threading.Event()

    def nothing() -> Iterator[bytes]:
        over.wait(60)
        yield from ()

    with server.channel() as channel:
        synthesize: Any = channel.stream_stream(f"/{server.service}/Synthesize")
        held = [synthesize(nothing()) for _ in range(MAX_CALLS)]
        try:
            until = time.monotonic() + 0.9 * REQUEST_SECONDS
            while (refusal := _refusal(STUBS["tts"](channel))) is None:
                assert time.monotonic() < until
            assert refusal == (grpc.StatusCode.RESOURCE_EXHAUSTED, f"{MAX_CALLS} calls are open, which is the limit")
            assert server.is_serving()
        finally:
            over.set()
            for call in held:
                call.cancel()
    check_serves(servers, "tts")


def _refusal(stub: Any) -> tuple[grpc.StatusCode, str] | None:
    try:
        stub.ListVoices(tts_pb2.ListVoicesRequest(), timeout=5)
    except grpc.RpcError as error:
        return error.code(), str(error.details())
    return None


def tiny_sound(kind: Any) -> Iterator[Any]:
    for number in range(MESSAGES):
        yield kind(audio=audio_chunk(number, SOUND[:1]))


def test_ten_thousand_tiny_messages_are_animated(servers: dict[str, Server]) -> None:
    def requests() -> Iterator[Any]:
        yield A(config=face_pb2.AnimateConfig(format=FORMAT))
        yield from tiny_sound(A)
        yield A(end=face_pb2.AnimateEnd())

    before, started = servers["face"].megabytes, time.monotonic()
    with servers["face"].channel() as channel:
        finished = list(STUBS["face"](channel).Animate(requests(), timeout=60))[-1].finished
    print(f"\ntiny_sound: {time.monotonic() - started:.1f} s")
    assert (finished.sample_count, finished.frame_count) == (MESSAGES, MESSAGES * 60 // RATE)
    assert servers["face"].megabytes - before <= GROWTH


def test_ten_thousand_tiny_messages_are_performed(servers: dict[str, Server]) -> None:
    def requests() -> Iterator[Any]:
        yield P(config=config())
        yield from tiny_sound(P)
        yield P(end=player_pb2.PerformEnd())

    before, started = servers["player"].megabytes, time.monotonic()
    with servers["player"].channel() as channel:
        finished = list(STUBS["player"](channel).Perform(requests(), timeout=60))[-1].finished
    print(f"\ntiny_sound: {time.monotonic() - started:.1f} s")
    assert finished.heard_sample_count == MESSAGES
    assert servers["player"].megabytes - before <= GROWTH


def empty_sound(kind: Any) -> Any:
    return kind(audio=media_pb2.AudioChunk())


def emotion(kind: Any) -> Any:
    weight = media_pb2.EmotionWeight(emotion=media_pb2.EMOTION_HAPPY, weight=1)
    return kind(emotion=media_pb2.EmotionKey(weights=[weight]))


def flush(_kind: Any) -> Any:
    return A(flush=face_pb2.AnimateFlush())


@pytest.mark.parametrize(
    ("name", "kind", "part"),
    [
        ("Animate", A, empty_sound),
        ("Animate", A, emotion),
        ("Animate", A, flush),
        ("Perform", P, empty_sound),
        ("Perform", P, emotion),
    ],
)
def test_a_stream_that_continues_without_sound_is_ended(
    servers: dict[str, Server], name: str, kind: Any, part: Any
) -> None:
    over = threading.Event()

    def requests() -> Iterator[Any]:
        yield A(config=face_pb2.AnimateConfig(format=FORMAT)) if kind is A else P(config=config())
        while not over.wait(0.002):
            yield part(kind)

    server = servers[RPCS[name].service]
    before, started = server.megabytes, time.monotonic()
    with server.channel() as channel:
        with pytest.raises(grpc.RpcError) as refusal:
            for _ in getattr(STUBS[server.name](channel), name)(requests(), timeout=30):
                pass
        over.set()
    assert refusal.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED
    assert time.monotonic() - started < INACTIVITY + 5
    assert server.megabytes - before <= GROWTH


ENDLESS_SECONDS = 3.0


def endless(kind: Any, first: Any) -> Iterator[Any]:
    """Yield sound as fast as it is read."""
    yield first
    pcm = np.full(1 << 20, 500, np.int16)
    until, at = time.monotonic() + ENDLESS_SECONDS, 0
    while time.monotonic() < until:
        yield kind(audio=audio_chunk(at, pcm))
        at += len(pcm)


@pytest.mark.parametrize(
    ("name", "kind", "first"),
    [("Animate", A, A(config=face_pb2.AnimateConfig(format=FORMAT))), ("Perform", P, P(config=config()))],
    ids=["Animate", "Perform"],
)
def test_a_stream_that_does_not_end_is_read_no_faster_than_it_is_used(
    servers: dict[str, Server], name: str, kind: Any, first: Any
) -> None:
    server = servers[RPCS[name].service]
    before, highest = server.megabytes, 0.0
    with server.channel() as channel:
        call = getattr(STUBS[server.name](channel), name)(endless(kind, first), timeout=ENDLESS_SECONDS)
        with pytest.raises(grpc.RpcError) as refusal:
            for _ in call:
                highest = max(highest, server.megabytes)
    print(f"\n{name}: {highest - before:.1f} MB")
    assert refusal.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED
    assert highest - before <= GROWTH
    check_serves(servers, server.name)
