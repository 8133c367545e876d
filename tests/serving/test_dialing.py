"""Channels: which calls are retried, name resolution, reconnection, and the token."""

from __future__ import annotations

import asyncio
from typing import Any

import grpc
import pytest

from neurosync.v1 import face_pb2, face_pb2_grpc
from services.common.errors import BadRequestError, BusyError, NeuroSyncError, UnavailableError
from services.serving.dialing import credentials, dial
from services.serving.server import running
from tests.serving.fake_service import FakeService, FakeSettings

OPEN = FakeSettings()


class Flaky(FakeService):
    """Fails its first call, and counts the calls."""

    def __init__(self, error: NeuroSyncError) -> None:
        super().__init__(self.fail_once)
        self.error = error
        self.calls = 0

    async def fail_once(self) -> None:
        self.calls += 1
        if self.calls == 1:
            raise self.error


async def clip(channel: grpc.aio.Channel) -> list[Any]:
    stub: Any = face_pb2_grpc.FaceServiceStub(channel)
    return [answer async for answer in stub.AnimateClip(face_pb2.AnimateClipRequest(), timeout=20)]


@pytest.mark.parametrize("error", [UnavailableError("away"), BusyError("full")])
async def test_a_call_that_is_safe_to_repeat_is_retried(error: NeuroSyncError) -> None:
    service = Flaky(error)
    async with running(service, OPEN) as server, dial(server.address) as channel:
        assert len(await clip(channel)) == 1
    assert service.calls == 2


async def test_a_wrong_request_is_not_retried() -> None:
    service = Flaky(BadRequestError("rate", 1, "more"))
    async with running(service, OPEN) as server, dial(server.address) as channel:
        with pytest.raises(grpc.aio.AioRpcError, match="rate: expected more, got 1"):
            await clip(channel)
    assert service.calls == 1


async def test_a_call_that_is_not_safe_to_repeat_is_not_retried() -> None:
    service = Flaky(UnavailableError("away"))
    async with running(service, OPEN) as server, dial(server.address) as channel:
        stub: Any = face_pb2_grpc.FaceServiceStub(channel)
        with pytest.raises(grpc.aio.AioRpcError, match="away"):
            await stub.Animate(iter([]), timeout=20).read()
    assert service.calls == 1


async def test_a_name_is_resolved_and_a_restarted_server_is_found_again() -> None:
    async with running(FakeService(), OPEN) as server:
        address = server.address
        channel = dial(f"dns:///localhost:{address.rpartition(':')[2]}")
        assert await clip(channel)
    async with running(FakeService(), FakeSettings(listen=address)):
        stub: Any = face_pb2_grpc.FaceServiceStub(channel)
        assert await stub.DescribeModels(face_pb2.DescribeModelsRequest(), wait_for_ready=True, timeout=20)
    await channel.close()


async def test_calls_continue_while_old_connections_are_replaced() -> None:
    class PeerCounting(FakeService):
        def __init__(self) -> None:
            super().__init__()
            self.peers: set[str] = set()

        async def DescribeModels(self, request: Any, context: Any) -> face_pb2.DescribeModelsResponse:
            self.peers.add(context.peer())
            return await super().DescribeModels(request, context)

    service = PeerCounting()
    async with running(service, FakeSettings(max_connection_age=0.1)) as server, dial(server.address) as channel:
        stub: Any = face_pb2_grpc.FaceServiceStub(channel)
        async with asyncio.timeout(30):
            while len(service.peers) < 3:
                await stub.DescribeModels(face_pb2.DescribeModelsRequest(), timeout=20)


def test_no_token_is_no_metadata() -> None:
    assert credentials(None) == credentials("") == ()
    assert credentials("abc") == (("authorization", "Bearer abc"),)
