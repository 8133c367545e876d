"""A small FaceService whose behaviour the tests choose; as a process: `python -m tests.serving.fake_service KIND`."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from typing import Any, ClassVar

import grpc
from pydantic_settings import SettingsConfigDict

from neurosync.v1 import face_pb2, face_pb2_grpc
from services.common.errors import UnavailableError
from services.common.settings import ServerSettings
from services.serving.process import run_service

NAME = "neurosync.v1.FaceService"
Act = Callable[[], Awaitable[None]]


class FakeSettings(ServerSettings):
    table: ClassVar[str] = "fake"
    model_config = SettingsConfigDict(env_prefix="NEUROSYNC_FAKE_")


async def nothing() -> None:
    """Answer at once."""


class FakeService(face_pb2_grpc.FaceServiceServicer):
    """Does `act` in every call, then answers; `entered` is set when a call runs, `left` when one has ended."""

    name = NAME

    def __init__(self, act: Act = nothing, warm: Act = nothing) -> None:
        self.act = act
        self.warm = warm
        self.entered = asyncio.Event()
        self.left = asyncio.Event()
        self.closed = 0

    def register(self, server: grpc.aio.Server) -> None:
        face_pb2_grpc.add_FaceServiceServicer_to_server(self, server)

    async def warm_up(self) -> None:
        await self.warm()

    async def close(self) -> None:
        self.closed += 1

    @contextlib.asynccontextmanager
    async def _call(self) -> AsyncIterator[None]:
        self.entered.set()
        try:
            await self.act()
            yield
        finally:
            self.left.set()

    async def DescribeModels(self, request: Any, context: Any) -> face_pb2.DescribeModelsResponse:
        async with self._call():
            return face_pb2.DescribeModelsResponse(capacity_stream_count=1)

    async def AnimateClip(self, request: Any, context: Any) -> AsyncIterator[face_pb2.AnimateClipResponse]:
        async with self._call():
            yield face_pb2.AnimateClipResponse(finished=face_pb2.AnimateFinished(frame_count=1))

    async def Animate(self, request_iterator: Any, context: Any) -> AsyncIterator[face_pb2.AnimateResponse]:
        """Echo the size of every chunk, then act, so that a call can be half-way when the server stops."""
        async with contextlib.aclosing(self._echoes(request_iterator)) as echoes:
            async for echo in echoes:
                yield echo
        async with self._call():
            yield face_pb2.AnimateResponse(finished=face_pb2.AnimateFinished(frame_count=1))

    async def _echoes(self, requests: Any) -> AsyncGenerator[face_pb2.AnimateResponse, None]:
        async for request in requests:
            yield face_pb2.AnimateResponse(finished=face_pb2.AnimateFinished(sample_count=len(request.audio.pcm) // 2))


async def fail() -> None:
    raise UnavailableError("the fake has no model")


async def hang_in_a_thread() -> None:
    await asyncio.to_thread(threading.Event().wait)


KINDS: dict[str, Callable[[], FakeService]] = {
    "plain": FakeService,
    "failing": lambda: FakeService(warm=fail),
    "stuck": lambda: FakeService(warm=hang_in_a_thread),
}

if __name__ == "__main__":
    raise SystemExit(run_service(FakeSettings, lambda _settings: KINDS[sys.argv[1]](), sys.argv[2:]))
