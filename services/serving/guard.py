"""The interceptor in front of every handler: checks the token, bounds the calls, and turns errors into statuses.

A call that is refused is not decoded, and the message of one that takes one is not even read: to gRPC every handler
here is one of streams, and the wrapper reads. A flood of large requests thereby costs no memory.

What NeuroSync raises on purpose reaches the client as its status with its text, also out of a task group. Anything else
is logged once, here, and the client learns only that it happened: texts of unforeseen errors may hold paths or keys.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import logging
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import TYPE_CHECKING, Any

import grpc
from pydantic import SecretStr

from services.common.allocator import release_freed_memory
from services.common.errors import (
    BadRequestError,
    BusyError,
    DuplicateError,
    InactiveError,
    NeuroSyncError,
    NotReadyError,
    StoppedError,
    UnavailableError,
    UnknownTurnError,
)
from services.serving.messages import Messages
from services.serving.status_details import status_details

if TYPE_CHECKING:
    Handler = grpc.RpcMethodHandler[Any, Any]
    Context = grpc.aio.ServicerContext[Any, Any]
    Behaviour = Callable[[Any, Context], AsyncIterator[Any]]

logger = logging.getLogger(__name__)

STATUSES: tuple[tuple[type[NeuroSyncError], grpc.StatusCode], ...] = (
    (BadRequestError, grpc.StatusCode.INVALID_ARGUMENT),
    (UnknownTurnError, grpc.StatusCode.NOT_FOUND),
    (NotReadyError, grpc.StatusCode.FAILED_PRECONDITION),
    (StoppedError, grpc.StatusCode.ABORTED),
    (DuplicateError, grpc.StatusCode.ALREADY_EXISTS),
    (BusyError, grpc.StatusCode.RESOURCE_EXHAUSTED),
    (InactiveError, grpc.StatusCode.DEADLINE_EXCEEDED),
    (UnavailableError, grpc.StatusCode.UNAVAILABLE),
)
"""Which status tells a client of which error; INTERNAL tells of the others, such as a setting that turned out wrong."""
UNFORESEEN = "internal error; the log of the server tells more"
MAX_CALLS = 256
"""Calls at once. Larger: a flood takes more memory (about 50 kB a call); smaller: many quiet clients are refused."""
REQUEST_SECONDS = 30.0
"""Until the message of a call that takes one has come. Larger: slow lines get through; smaller: the dead go sooner."""
FAREWELL_SECONDS = 0.05
"""For a client that sends a stream to finish, before its call is refused: Python's asynchronous client takes the end of
a call into which it still writes for an error of its own, and never sees the status. Larger: later refusals."""
FLOOD_CALLS = 64
"""Calls at once after which the memory they took is given back, as soon as three of four are over."""
SETTLE_SECONDS = 1.0
_OPEN = "/grpc.health.v1.Health/"  # probes of a cluster carry no token, and are answered however many calls there are


class Guard(grpc.aio.ServerInterceptor):
    """Refuses calls without the token or beyond the limit, and translates the errors of those it lets through."""

    def __init__(self, token: SecretStr | None, max_calls: int = MAX_CALLS) -> None:
        """Guard with `token`, None lets everyone in; `max_calls` are let in at once."""
        self._expected = f"Bearer {token.get_secret_value()}".encode() if token else None
        self._places = _Places(max_calls)

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
            return _as_stream(handler, _refusing(handler))
        return _as_stream(handler, _translating(handler, details.method, self._places))

    def _admits(self, details: grpc.HandlerCallDetails) -> bool:
        if self._expected is None:
            return True
        seen = dict(details.invocation_metadata).get("authorization", "")
        return hmac.compare_digest(seen.encode() if isinstance(seen, str) else seen, self._expected)


class _Places:
    """The calls that may run at once."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._taken = self._most = 0

    @contextlib.contextmanager
    def one(self) -> Iterator[None]:
        """Hold a place.

        Raises:
            BusyError: All are taken.
        """
        if self._taken >= self._count:
            raise BusyError(f"{self._count} calls are open, which is the limit")
        self._taken += 1
        self._most = max(self._taken, self._most)
        try:
            yield
        finally:
            self._taken -= 1
            if self._most >= FLOOD_CALLS and self._taken <= self._most // 4:
                self._most = self._taken
                loop = asyncio.get_running_loop()
                loop.call_later(SETTLE_SECONDS, loop.run_in_executor, None, release_freed_memory)


def _refusing(handler: Handler) -> Behaviour:
    """Return what refuses a call without the token."""

    async def refuse(requests: Any, context: Context) -> AsyncIterator[Any]:
        if handler.request_streaming:
            await Messages(requests, None).drain(FAREWELL_SECONDS)
        text = "expected metadata authorization: Bearer <NEUROSYNC_TOKEN>"
        details = status_details(grpc.StatusCode.UNAUTHENTICATED, text, "UNAUTHENTICATED")
        await context.abort(grpc.StatusCode.UNAUTHENTICATED, text, details)
        yield  # makes this an async generator, as a streaming handler must be

    return refuse


def _translating(handler: Handler, method: str, places: _Places) -> Behaviour:
    """Return what the handler does as a stream of responses, with its errors turned into statuses."""
    behaviour: Any = handler.unary_unary or handler.stream_unary or handler.unary_stream or handler.stream_stream

    async def stream(requests: Any, context: Context) -> AsyncIterator[Any]:
        messages = Messages(requests, handler.request_deserializer)
        try:
            with places.one():
                request = messages if handler.request_streaming else await messages.only(REQUEST_SECONDS)
                if not handler.response_streaming:
                    yield await behaviour(request, context)
                    return
                async with contextlib.aclosing(behaviour(request, context)) as responses:
                    async for response in responses:
                        yield response
        except Exception as error:
            if handler.request_streaming:
                await messages.drain(FAREWELL_SECONDS)
            _end(context, error, method)

    return stream


def _end(context: Context, error: Exception, method: str) -> None:
    """Let the call end with the status of `error`.

    The status is set, not raised: gRPC keeps a raised one in a circle with all that the call held, megabytes perhaps,
    until Python looks for circles. Tasks do the same with the error, so its frames are emptied.
    """
    known = _known(error, method)
    traceback.clear_frames(error.__traceback__)
    if isinstance(known, grpc.aio.AbortError):  # the handler ended the call itself; a call ends once
        raise known
    code, text, reason, metadata = grpc.StatusCode.INTERNAL, UNFORESEEN, NeuroSyncError.reason, {}
    if isinstance(known, NeuroSyncError):
        reason = known.reason
        metadata = {"field": known.field} if isinstance(known, BadRequestError) else {}
        code, text = next((code for kind, code in STATUSES if isinstance(known, kind)), code), str(known)
        logger.info("refused method=%s code=%s reason=%s", method, code.name, text)
    context.set_code(code)
    context.set_details(text)
    context.set_trailing_metadata(status_details(code, text, reason, metadata))


def _known(error: Exception, method: str) -> Exception | None:
    """Return what was raised on purpose, out of the groups that tasks wrap it in; log what was not."""
    kinds = (NeuroSyncError, grpc.aio.AbortError)
    if isinstance(error, kinds):
        return error
    known, unforeseen = error.split(kinds) if isinstance(error, ExceptionGroup) else (None, error)
    if unforeseen is not None:
        logger.error("failed method=%s", method, exc_info=unforeseen)
    return None if known is None else _known(known.exceptions[0], method)


def _as_stream(handler: Handler, behaviour: Behaviour) -> Handler:
    """Return a handler that reads and decodes nothing by itself: on the wire, one message is a stream of one."""
    wrapped: Handler = grpc.stream_stream_rpc_method_handler(
        behaviour, request_deserializer=None, response_serializer=handler.response_serializer
    )
    return wrapped
