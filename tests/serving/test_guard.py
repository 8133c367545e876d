"""The guard of every server: the token, and the status and details of each error."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import grpc
import pytest
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from pydantic import SecretStr

from neurosync.v1 import face_pb2, face_pb2_grpc, outcome_pb2
from services.common import errors
from services.serving.dialing import Metadata, credentials, dial
from services.serving.error_status import STATUSES, UNEXPECTED_MESSAGE, error_info
from services.serving.probe import health_of
from services.serving.server import running
from tests.serving.fake_service import NAME, FakeService, FakeSettings

SECRET = "a-token-of-the-tests"
GUARDED = FakeSettings(token=SecretStr(SECRET))
OPEN = FakeSettings()
ONE_OF_EACH = [
    (errors.BadRequestError("rate", 3, "8000 or more"), grpc.StatusCode.INVALID_ARGUMENT),
    (errors.NotReadyError("no device"), grpc.StatusCode.FAILED_PRECONDITION),
    (errors.RefusedBusyError("Ada is speaking"), grpc.StatusCode.FAILED_PRECONDITION),
    (errors.StoppedError("stopped before"), grpc.StatusCode.ABORTED),
    (errors.DuplicateError("turn runs"), grpc.StatusCode.ALREADY_EXISTS),
    (errors.FinishedTurnError("turn has finished"), grpc.StatusCode.ALREADY_EXISTS),
    (errors.UnknownTurnError("no such turn"), grpc.StatusCode.NOT_FOUND),
    (errors.BusyError("all streams taken"), grpc.StatusCode.RESOURCE_EXHAUSTED),
    (errors.InactiveError("silent for 5 s"), grpc.StatusCode.DEADLINE_EXCEEDED),
    (errors.UnavailableError("upstream away"), grpc.StatusCode.UNAVAILABLE),
    (errors.ConfigurationError("no such voice"), grpc.StatusCode.INTERNAL),
]


async def describe(address: str, metadata: Metadata = ()) -> face_pb2.DescribeModelsResponse:
    async with dial(address) as channel:
        stub: Any = face_pb2_grpc.FaceServiceStub(channel)
        answer = await stub.DescribeModels(face_pb2.DescribeModelsRequest(), metadata=metadata, timeout=10)
        assert isinstance(answer, face_pb2.DescribeModelsResponse)
        return answer


async def clip(address: str, metadata: Metadata = ()) -> list[face_pb2.AnimateClipResponse]:
    async with dial(address) as channel:
        stub: Any = face_pb2_grpc.FaceServiceStub(channel)
        return [
            answer async for answer in stub.AnimateClip(face_pb2.AnimateClipRequest(), metadata=metadata, timeout=10)
        ]


async def animate(address: str, metadata: Metadata = ()) -> list[face_pb2.AnimateResponse]:
    async with dial(address) as channel:
        stub: Any = face_pb2_grpc.FaceServiceStub(channel)
        call = stub.Animate(iter([face_pb2.AnimateRequest()]), metadata=metadata, timeout=10)
        return [answer async for answer in call]


CALLS = [describe, clip, animate]


def raising(error: Exception) -> FakeService:
    async def act() -> None:
        raise error

    return FakeService(act)


async def expect_error(call: Callable[..., Any], *arguments: Any) -> grpc.aio.AioRpcError:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call(*arguments)
    return caught.value


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(
    "metadata",
    [(), credentials("another"), credentials(SECRET[:-1]), (("authorization", SECRET),), (("authorization", ""),)],
    ids=["none", "wrong", "prefix", "no scheme", "empty"],
)
async def test_a_call_without_the_token_is_unauthenticated(call: Callable[..., Any], metadata: Metadata) -> None:
    service = FakeService()
    async with running(service, GUARDED) as server:
        error = await expect_error(call, server.address, metadata)
    assert error.code() is grpc.StatusCode.UNAUTHENTICATED
    assert SECRET not in (error.details() or "")
    assert not service.entered.is_set()


@pytest.mark.parametrize("call", CALLS)
async def test_a_call_with_the_token_is_served(call: Callable[..., Any]) -> None:
    async with running(FakeService(), GUARDED) as server:
        assert await call(server.address, credentials(SECRET))


async def test_reflection_needs_the_token_and_health_does_not() -> None:
    async with running(FakeService(), GUARDED) as server, dial(server.address) as channel:
        await server.warm
        assert await health_of(channel, NAME) == "SERVING"
        stub: Any = reflection_pb2_grpc.ServerReflectionStub(channel)  # type: ignore[arg-type]
        asked = reflection_pb2.ServerReflectionRequest(list_services="")
        call = stub.ServerReflectionInfo(iter([asked]), timeout=10)
        assert (await expect_error(call.read)).code() is grpc.StatusCode.UNAUTHENTICATED
        call = stub.ServerReflectionInfo(iter([asked]), timeout=10, metadata=credentials(SECRET))
        assert NAME in {service.name for service in (await call.read()).list_services_response.service}
        call.cancel()


async def test_an_unknown_method_is_unimplemented() -> None:
    async with running(FakeService(), OPEN) as server, dial(server.address) as channel:
        method: Any = channel.unary_unary(f"/{NAME}/Sing")
        assert (await expect_error(lambda: method(b"", timeout=10))).code() is grpc.StatusCode.UNIMPLEMENTED


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(("error", "code"), ONE_OF_EACH, ids=[type(error).__name__ for error, _ in ONE_OF_EACH])
async def test_an_error_becomes_a_status_with_its_message_and_reason(
    call: Callable[..., Any], error: errors.NeuroSyncError, code: grpc.StatusCode
) -> None:
    async with running(raising(error), OPEN) as server:
        seen = await expect_error(call, server.address)
    assert (seen.code(), seen.details()) == (code, str(error))
    info = error_info(seen)
    assert info is not None
    assert info.reason == error.reason
    assert f"REASON_{info.reason}" in outcome_pb2.Reason.keys()  # noqa: SIM118 - an enum wrapper is no dict
    assert dict(info.metadata) == ({"field": "rate"} if isinstance(error, errors.BadRequestError) else {})


def tree(kind: type[errors.NeuroSyncError]) -> list[type[errors.NeuroSyncError]]:
    """Return all errors of `services.common.errors` below `kind`; those of other modules inherit their status."""
    own = [child for child in kind.__subclasses__() if child.__module__ == errors.__name__]
    return [found for child in own for found in (child, *tree(child))]


def test_every_error_has_a_status() -> None:
    assert {type(error) for error, _ in ONE_OF_EACH} == set(tree(errors.NeuroSyncError))
    assert {kind for kind, _ in STATUSES} == set(errors.NeuroSyncError.__subclasses__()) - {errors.ConfigurationError}


async def test_an_error_from_nested_task_groups_keeps_its_status() -> None:
    inner = ExceptionGroup("sentence", [errors.BusyError("full")])
    async with running(raising(ExceptionGroup("turn", [inner])), OPEN) as server:
        error = await expect_error(describe, server.address)
    assert (error.code(), error.details()) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "full")


@pytest.mark.parametrize("call", CALLS)
async def test_an_unexpected_error_is_logged_once_and_not_sent(
    call: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    async with running(raising(KeyError("/home/someone/key")), OPEN) as server:
        error = await expect_error(call, server.address)
    assert (error.code(), error.details()) == (grpc.StatusCode.INTERNAL, UNEXPECTED_MESSAGE)
    logged = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert len(logged) == 1
    assert logged[0].exc_info is not None


async def test_an_unexpected_error_beside_an_expected_one_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    group = ExceptionGroup("turn", [KeyError("lost"), errors.BusyError("full")])
    async with running(raising(group), OPEN) as server:
        assert (await expect_error(describe, server.address)).code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert "lost" in caplog.text


async def test_a_status_set_by_the_handler_is_kept() -> None:
    class Aborting(FakeService):
        async def DescribeModels(self, request: Any, context: Any) -> Any:
            await context.abort(grpc.StatusCode.OUT_OF_RANGE, "chosen")

    async with running(Aborting(), OPEN) as server:
        error = await expect_error(describe, server.address)
    assert (error.code(), error.details()) == (grpc.StatusCode.OUT_OF_RANGE, "chosen")
