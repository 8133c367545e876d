"""The life cycle of a server: health, the port, draining, and the end of its process."""

from __future__ import annotations

import asyncio
import signal
import socket
import time
from contextlib import AsyncExitStack
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from pydantic import SecretStr

from neurosync.v1 import face_pb2, face_pb2_grpc, media_pb2
from services.common.errors import UnavailableError
from services.serving.dialing import dial
from services.serving.probe import health_of
from services.serving.process import CLOSE_SECONDS
from services.serving.server import running
from tests.serving.conftest import Start
from tests.serving.fake_service import NAME, FakeService, FakeSettings

OPEN = FakeSettings()
SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


def chunk(samples: int) -> face_pb2.AnimateRequest:
    return face_pb2.AnimateRequest(audio=media_pb2.AudioChunk(pcm=bytes(2 * samples)))


class Watch:
    """A stream of the health of a service."""

    def __init__(self, channel: grpc.aio.Channel, service: str) -> None:
        stub: Any = health_pb2_grpc.HealthStub(channel)
        self.call = stub.Watch(health_pb2.HealthCheckRequest(service=service), timeout=60)

    async def until(self, status: int) -> None:
        while (await self.call.read()).status != status:
            pass


async def test_a_service_is_not_serving_until_it_is_warm() -> None:
    warm = asyncio.Event()

    async def warm_up() -> None:
        await warm.wait()

    async with running(FakeService(warm=warm_up), OPEN) as server, dial(server.address) as channel:
        assert await health_of(channel) == "SERVING"
        assert await health_of(channel, NAME) == "NOT_SERVING"
        warm.set()
        await server.warm
        assert await health_of(channel, NAME) == "SERVING"


async def test_the_health_of_an_unknown_service_is_an_error() -> None:
    async with running(FakeService(), OPEN) as server, dial(server.address) as channel:
        with pytest.raises(UnavailableError, match="NOT_FOUND"):
            await health_of(channel, "neurosync.v1.NoService")


@pytest.mark.parametrize("service", ["", NAME])
async def test_a_watcher_sees_that_a_server_drains(service: str) -> None:
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(running(FakeService(), OPEN))
        await server.warm
        channel = dial(server.address)
        watch = Watch(channel, service)
        await watch.until(SERVING)
        stopping = asyncio.create_task(stack.aclose())
        await watch.until(NOT_SERVING)
        watch.call.cancel()
        await stopping
        await channel.close()


async def test_reflection_lists_the_service() -> None:
    async with running(FakeService(), OPEN) as server, dial(server.address) as channel:
        stub: Any = reflection_pb2_grpc.ServerReflectionStub(channel)  # type: ignore[arg-type]
        call = stub.ServerReflectionInfo(iter([reflection_pb2.ServerReflectionRequest(list_services="")]), timeout=10)
        listed = {service.name for service in (await call.read()).list_services_response.service}
        call.cancel()
    assert {NAME, "grpc.health.v1.Health"} <= listed


async def test_a_taken_port_is_an_error_with_the_reason() -> None:
    service = FakeService()
    async with running(FakeService(), OPEN) as server:
        with pytest.raises(UnavailableError, match=rf"cannot listen on {server.address}: is another process"):
            async with running(service, FakeSettings(listen=server.address)):
                pass
    assert service.closed == 1


async def test_a_host_of_another_machine_is_an_error_with_the_reason() -> None:
    with pytest.raises(UnavailableError, match="Cannot assign requested address"):
        async with running(FakeService(), FakeSettings(listen="192.0.2.1:0", token=SecretStr("t"))):
            pass


async def test_a_service_closes_once_after_its_last_call() -> None:
    service = FakeService()
    async with running(service, OPEN) as server, dial(server.address) as channel:
        stub: Any = face_pb2_grpc.FaceServiceStub(channel)
        await stub.DescribeModels(face_pb2.DescribeModelsRequest(), timeout=10)
        assert service.closed == 0
    assert service.closed == 1


async def test_a_running_call_finishes_while_the_server_drains() -> None:
    release = asyncio.Event()

    async def act() -> None:
        await release.wait()

    service = FakeService(act)
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(running(service, FakeSettings(shutdown_grace=30.0)))
        channel = dial(server.address)
        stub: Any = face_pb2_grpc.FaceServiceStub(channel)
        call = asyncio.create_task(stub_call(stub))
        await asyncio.wait_for(service.entered.wait(), 10)
        watch = Watch(channel, "")
        await watch.until(SERVING)
        stopping = asyncio.create_task(stack.aclose())
        await watch.until(NOT_SERVING)
        watch.call.cancel()
        release.set()
        assert (await call).capacity_stream_count == 1
        await asyncio.wait_for(stopping, 10)
        await channel.close()


async def test_a_call_that_outlasts_the_grace_is_cancelled() -> None:
    service = FakeService(asyncio.Event().wait)  # type: ignore[arg-type]
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(running(service, FakeSettings(shutdown_grace=0.1)))
        channel = dial(server.address)
        call = asyncio.create_task(stub_call(face_pb2_grpc.FaceServiceStub(channel)))
        await asyncio.wait_for(service.entered.wait(), 10)
        await asyncio.wait_for(stack.aclose(), 10)
        assert service.left.is_set()
        with pytest.raises(grpc.aio.AioRpcError):
            await call
        await channel.close()


async def test_a_client_that_cancels_ends_the_handler() -> None:
    service = FakeService(asyncio.Event().wait)  # type: ignore[arg-type]
    async with running(service, OPEN) as server, dial(server.address) as channel:
        stub: Any = face_pb2_grpc.FaceServiceStub(channel)
        call = stub.AnimateClip(face_pb2.AnimateClipRequest(), timeout=30)
        reading = asyncio.create_task(call.read())
        await asyncio.wait_for(service.entered.wait(), 10)
        call.cancel()
        await asyncio.wait_for(service.left.wait(), 10)
        await asyncio.wait({reading})


async def test_sigterm_drains_the_running_call_and_ends_with_0(start: Start) -> None:
    process = await start("plain", NEUROSYNC_FAKE_SHUTDOWN_GRACE="60")
    async with dial(await process.address()) as channel:
        stub: Any = face_pb2_grpc.FaceServiceStub(channel)
        call = stub.Animate(timeout=60)
        await call.write(chunk(3))
        assert (await call.read()).finished.sample_count == 3
        watch = Watch(channel, "")
        await watch.until(SERVING)
        process.process.send_signal(signal.SIGTERM)
        await watch.until(NOT_SERVING)
        watch.call.cancel()
        await call.write(chunk(5))  # running calls continue
        assert (await call.read()).finished.sample_count == 5
        await call.done_writing()
        assert (await call.read()).finished.frame_count == 1
        status, log = await process.ended()
    assert status == 0, log


async def test_a_call_that_does_not_end_keeps_the_process_no_longer_than_its_grace(start: Start) -> None:
    grace = 0.2
    process = await start("plain", NEUROSYNC_FAKE_SHUTDOWN_GRACE=str(grace))
    async with dial(await process.address()) as channel:
        stub: Any = face_pb2_grpc.FaceServiceStub(channel)
        call = stub.Animate(timeout=60)
        await call.write(chunk(1))
        await call.read()
        signalled = time.monotonic()
        process.process.send_signal(signal.SIGTERM)
        status, log = await process.ended()
        assert time.monotonic() - signalled < grace + CLOSE_SECONDS
        call.cancel()
    assert status == 0, log


async def test_a_hanging_thread_does_not_keep_the_process(start: Start) -> None:
    process = await start("stuck", NEUROSYNC_FAKE_SHUTDOWN_GRACE="0.1")
    await process.address()
    process.process.send_signal(signal.SIGTERM)
    status, log = await process.ended()
    assert status == 1
    assert "did not stop in time" in log


async def test_a_process_ends_with_its_parent_if_set_to(start: Start) -> None:
    process = await start("plain", NEUROSYNC_EXIT_WITH_PARENT="1")
    await process.line("ready")
    assert process.process.stdin is not None
    process.process.stdin.close()
    status, log = await process.ended()
    assert status == 0, log


async def test_sigterm_ends_a_process_while_its_parent_runs(start: Start) -> None:
    process = await start("plain", NEUROSYNC_EXIT_WITH_PARENT="1")
    await process.line("ready")
    process.process.send_signal(signal.SIGTERM)
    async with asyncio.timeout(30):
        assert await process.process.wait() == 0  # its standard input is still open


async def test_a_process_whose_service_cannot_warm_up_ends_with_1(start: Start) -> None:
    status, log = await (await start("failing")).ended()
    assert status == 1
    assert log.endswith("error: the fake has no model\n")


async def test_a_process_on_a_taken_port_ends_with_1(start: Start) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        status, log = await (await start("plain", NEUROSYNC_FAKE_LISTEN=f"127.0.0.1:{port}")).ended()
    assert status == 1
    assert f"error: cannot listen on 127.0.0.1:{port}: is another process using the port?" in log


@pytest.mark.parametrize("host", ["0.0.0.0", "[::]", "192.0.2.1", ""])
async def test_a_process_beyond_loopback_without_a_token_ends_with_2(start: Start, host: str) -> None:
    status, log = await (await start("plain", NEUROSYNC_FAKE_LISTEN=f"{host}:0")).ended()
    assert status == 2
    assert "set NEUROSYNC_TOKEN, or mutual TLS" in log
    assert "Traceback" not in log


async def stub_call(stub: Any) -> face_pb2.DescribeModelsResponse:
    answer = await stub.DescribeModels(face_pb2.DescribeModelsRequest(), timeout=30)
    assert isinstance(answer, face_pb2.DescribeModelsResponse)
    return answer
