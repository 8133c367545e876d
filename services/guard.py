"""The interceptor in front of every handler: checks the token, and turns errors into statuses in one place.

What NeuroSync raises on purpose reaches the client as its status with its text, also out of a task group. Anything else
is logged once, here, and the client learns only that it happened: texts of unforeseen errors may hold paths or keys.
"""

from __future__ import annotations

import contextlib
import hmac
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING, Any, NoReturn

import grpc
from pydantic import SecretStr

from services.errors import (
    BadRequestError,
    BusyError,
    DuplicateError,
    InactiveError,
    NeuroSyncError,
    NotReadyError,
    StoppedError,
    UnavailableError,
)

if TYPE_CHECKING:
    Handler = grpc.RpcMethodHandler[Any, Any]
    Context = grpc.aio.ServicerContext[Any, Any]

logger = logging.getLogger(__name__)

STATUSES: tuple[tuple[type[NeuroSyncError], grpc.StatusCode], ...] = (
    (BadRequestError, grpc.StatusCode.INVALID_ARGUMENT),
    (NotReadyError, grpc.StatusCode.FAILED_PRECONDITION),
    (StoppedError, grpc.StatusCode.ABORTED),
    (DuplicateError, grpc.StatusCode.ALREADY_EXISTS),
    (BusyError, grpc.StatusCode.RESOURCE_EXHAUSTED),
    (InactiveError, grpc.StatusCode.DEADLINE_EXCEEDED),
    (UnavailableError, grpc.StatusCode.UNAVAILABLE),
)
"""Which status tells a client of which error; INTERNAL tells of the others, such as a setting that turned out wrong."""
UNFORESEEN = "internal error; the log of the server tells more"
_OPEN = "/grpc.health.v1.Health/"  # probes of a cluster carry no token


class Guard(grpc.aio.ServerInterceptor):
    """Refuses calls without the token and translates the errors of those it lets through."""

    def __init__(self, token: SecretStr | None) -> None:
        """Guard with `token`; None lets everyone in."""
        self._expected = f"Bearer {token.get_secret_value()}".encode() if token else None

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Handler | None]],
        details: grpc.HandlerCallDetails,
    ) -> Handler | None:
        """Return the handler of the call, wrapped; None for an unknown method."""
        handler = await continuation(details)
        if handler is None or details.method.startswith(_OPEN):
            return handler
        if not self._admits(details):
            return _refusal(handler)
        return _translating(handler, details.method)

    def _admits(self, details: grpc.HandlerCallDetails) -> bool:
        if self._expected is None:
            return True
        seen = dict(details.invocation_metadata).get("authorization", "")
        return hmac.compare_digest(seen.encode() if isinstance(seen, str) else seen, self._expected)


def _refusal(handler: Handler) -> Handler:
    """Return a handler of the same shape that refuses."""

    async def refuse(_request: Any, context: Context) -> NoReturn:
        await context.abort(
            grpc.StatusCode.UNAUTHENTICATED, "expected metadata authorization: Bearer <NEUROSYNC_TOKEN>"
        )

    async def refuse_stream(_request: Any, context: Context) -> AsyncIterator[Any]:
        await refuse(_request, context)
        yield  # makes this an async generator, as a streaming handler must be

    return _like(handler, refuse, refuse_stream)


def _translating(handler: Handler, method: str) -> Handler:
    """Return the handler with its errors turned into statuses."""
    behaviour: Any = handler.unary_unary or handler.stream_unary or handler.unary_stream or handler.stream_stream

    async def unary(request: Any, context: Context) -> Any:
        try:
            return await behaviour(request, context)
        except Exception as error:
            await _abort(context, error, method)

    async def stream(request: Any, context: Context) -> AsyncIterator[Any]:
        try:
            async with contextlib.aclosing(behaviour(request, context)) as responses:
                async for response in responses:
                    yield response
        except Exception as error:
            await _abort(context, error, method)

    return _like(handler, unary, stream)


async def _abort(context: Context, error: Exception, method: str) -> NoReturn:
    """End the call with the status of `error`."""
    known = _known(error, method)
    if known is None:
        await context.abort(grpc.StatusCode.INTERNAL, UNFORESEEN)
    if isinstance(known, grpc.aio.AbortError):  # the handler ended the call itself; a call ends once
        raise known
    code = next((code for kind, code in STATUSES if isinstance(known, kind)), grpc.StatusCode.INTERNAL)
    logger.info("refused method=%s code=%s reason=%s", method, code.name, known)
    await context.abort(code, str(known))


def _known(error: Exception, method: str) -> Exception | None:
    """Return what was raised on purpose, out of the groups that tasks wrap it in; log what was not."""
    kinds = (NeuroSyncError, grpc.aio.AbortError)
    if isinstance(error, kinds):
        return error
    known, unforeseen = error.split(kinds) if isinstance(error, ExceptionGroup) else (None, error)
    if unforeseen is not None:
        logger.error("failed method=%s", method, exc_info=unforeseen)
    return None if known is None else _known(known.exceptions[0], method)


def _like(handler: Handler, unary: Any, stream: Any) -> Handler:
    """Return a handler of the shape of `handler` that calls `unary` or `stream`."""
    if handler.request_streaming:
        made = (grpc.stream_unary_rpc_method_handler, grpc.stream_stream_rpc_method_handler)
    else:
        made = (grpc.unary_unary_rpc_method_handler, grpc.unary_stream_rpc_method_handler)
    behaviour = stream if handler.response_streaming else unary
    make: Any = made[handler.response_streaming]
    wrapped: Handler = make(behaviour, handler.request_deserializer, handler.response_serializer)
    return wrapped
