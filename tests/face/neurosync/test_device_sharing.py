"""Streams of the service that share one device: batching, waiting without threads, and cancellation."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

import grpc
import numpy as np
import pytest

from services.common.types import Floats

pytest.importorskip("torch", reason="torch is not installed (extra: torch)")

import torch

from neurosync.v1 import face_pb2, face_pb2_grpc, media_pb2
from services.common.settings import load
from services.face.neurosync import neurosync_model as engine
from services.face.neurosync.runner import DirectRunner
from services.face.server import FaceService
from services.face.settings import FaceSettings
from services.serving.dialing import dial
from services.serving.server import running

if TYPE_CHECKING:
    Stub = face_pb2_grpc.FaceServiceAsyncStub
    Call = grpc.aio.StreamStreamCall[face_pb2.AnimateRequest, face_pb2.AnimateResponse]

RATE = 24_000
STREAMS = 24
"""More than the service has threads."""
FORMAT = media_pb2.AudioFormat(sample_rate_hertz=RATE)
NOISE = np.random.default_rng(4).integers(-9000, 9000, 6 * RATE // 10).astype(np.int16).tobytes()


class Gated(DirectRunner):
    """Holds every pass until the gate opens, and counts windows."""

    gate = threading.Event()
    sizes: list[int]

    def answer(self, windows: torch.Tensor) -> Floats:
        Gated.sizes.append(len(windows))
        assert Gated.gate.wait(20)
        return super().answer(windows)


@pytest.fixture
async def stub(data: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stub]:
    """Dial a service whose device stands still, with a hop of half a second."""
    monkeypatch.setattr(engine, "DirectRunner", Gated)
    Gated.gate.set()
    Gated.sizes = []
    settings = load(
        FaceSettings,
        listen="127.0.0.1:0",
        model="neurosync",
        checkpoint=data / "small.safetensors",
        device="cpu",
        hop=30,
        capacity=STREAMS,
    )
    async with running(FaceService(settings), settings) as server, dial(server.address) as channel:
        await server.warm
        Gated.sizes = []
        Gated.gate.clear()
        yield face_pb2_grpc.FaceServiceStub(channel)
        Gated.gate.set()


async def begun(stub: Stub) -> Call:
    """Return a call that has sent sound enough for one window."""
    call = stub.Animate(timeout=60)
    await call.write(face_pb2.AnimateRequest(config=face_pb2.AnimateConfig(format=FORMAT)))
    assert isinstance(await call.read(), face_pb2.AnimateResponse)
    await call.write(face_pb2.AnimateRequest(audio=media_pb2.AudioChunk(pcm=NOISE)))
    return call


async def until(stub: Stub, *, active: int, asked: int | None = None) -> None:
    """Wait until so many streams are active, and so many windows wait or were run."""
    async with asyncio.timeout(20):
        while True:
            description = await stub.DescribeModels(face_pb2.DescribeModelsRequest(), timeout=10)
            assert description.capacity_stream_count == STREAMS
            seen = description.active_stream_count, description.waiting_window_count + sum(Gated.sizes)
            if seen == (active, seen[1] if asked is None else asked):
                return


async def test_windows_of_more_streams_than_threads_wait_and_go_together(stub: Stub) -> None:
    calls = [await begun(stub) for _ in range(STREAMS)]
    await until(stub, active=STREAMS, asked=STREAMS)
    Gated.gate.set()
    for call in calls:
        answer = await call.read()
        assert isinstance(answer, face_pb2.AnimateResponse)
        assert answer.frames.frame_count == 18
    assert (sum(Gated.sizes), max(Gated.sizes)) == (STREAMS, 4)
    assert len(Gated.sizes) <= 2 + STREAMS // 4
    for call in calls:
        call.cancel()
    await until(stub, active=0)


async def test_windows_of_streams_that_were_cancelled_are_never_run(stub: Stub) -> None:
    kept = await begun(stub)
    await until(stub, active=1, asked=1)
    cancelled = [await begun(stub) for _ in range(5)]
    await until(stub, active=6, asked=6)
    for call in cancelled:
        call.cancel()
    await until(stub, active=1, asked=6)  # still queued, until their turn
    Gated.gate.set()
    assert isinstance(answer := await kept.read(), face_pb2.AnimateResponse)
    assert answer.frames.frame_count == 18
    await until(stub, active=1, asked=1)
    kept.cancel()


async def test_one_stream_more_than_the_device_keeps_is_refused(stub: Stub) -> None:
    calls = [await begun(stub) for _ in range(STREAMS)]
    with pytest.raises(grpc.aio.AioRpcError) as refusal:
        await begun(stub)
    assert refusal.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert len(calls) == STREAMS
