"""The gRPC interceptor of every server: it checks the token, limits concurrent calls, and maps errors to statuses.

A refused call is never decoded, and a refused unary request is never read: every handler is registered with gRPC as a
stream-stream handler, and the wrapper reads the messages itself. So a flood of large requests costs no memory.

A `NeuroSyncError` reaches the client as a status with its message and an ErrorInfo, also when a task group raises it.
Any other error is logged once, here, and the client gets only `UNEXPECTED_MESSAGE`: the text of such an error may hold
paths or keys.
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

from services.common.errors import BusyError, NeuroSyncError
from services.common.memory_allocator import release_freed_memory
from services.serving.error_status import error_status, status_details
from services.serving.messages import Messages

if TYPE_CHECKING:
    Handler = grpc.RpcMethodHandler[Any, Any]
    Context = grpc.aio.ServicerContext[Any, Any]
    Behaviour = Callable[[Any, Context], AsyncIterator[Any]]

logger = logging.getLogger(__name__)

MAX_CALLS = 256
"""Calls at once. Larger: a flood takes more memory (about 50 kB a call); smaller: many quiet clients are refused."""
REQUEST_SECONDS = 30.0
"""Time limit for the message of a unary request. Larger: slow connections succeed; smaller: dead ones are closed
sooner."""
DRAIN_SECONDS = 0.05
"""Time for which the requests of a refused stream are read and dropped. Python's asynchronous client reports an error
of its own, and not the status, if its call ends while it writes. Larger: clients wait longer for the status."""
FLOOD_CALLS = 64
"""Number of concurrent calls after which freed memory is returned to the system, once three quarters have ended."""
RELEASE_DELAY_SECONDS = 1.0
"""Time from the end of a flood to the release of its memory, so that its last calls are included."""
_HEALTH = "/grpc.health.v1.Health/"  # needs no token, and is answered however many calls are open: for probes


class Guard(grpc.aio.ServerInterceptor):
    """Refuses calls without the token or beyond the limit, and maps the errors of all others to statuses."""

    def __init__(self, token: SecretStr | None, max_calls: int = MAX_CALLS) -> None:
        """Require `token`, unless it is None, and allow `max_calls` calls at once."""
        self._expected = f"Bearer {token.get_secret_value()}".encode() if token else None
        self._limit = _CallLimit(max_calls)

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Handler | None]],
        details: grpc.HandlerCallDetails,
    ) -> Handler | None:
        """Return the handler of the call, wrapped; None for an unknown method."""
        handler = await continuation(details)
        if handler is None or details.method.startswith(_HEALTH):
            return handler
        if not self._is_authorized(details):
            return _as_stream(handler, _unauthenticated(handler))
        return _as_stream(handler, _guarded(handler, details.method, self._limit))

    def _is_authorized(self, details: grpc.HandlerCallDetails) -> bool:
        if self._expected is None:
            return True
        seen = dict(details.invocation_metadata).get("authorization", "")
        return hmac.compare_digest(seen.encode() if isinstance(seen, str) else seen, self._expected)


class _CallLimit:
    """Counts the open calls, and releases memory after a flood of them."""

    def __init__(self, max_calls: int) -> None:
        self._max_calls = max_calls
        self._open_count = self._peak_count = 0

    @contextlib.contextmanager
    def call(self) -> Iterator[None]:
        """Count one open call for the length of the block.

        Raises:
            BusyError: As many calls as allowed are open.
        """
        if self._open_count >= self._max_calls:
            raise BusyError(f"{self._max_calls} calls are open, which is the limit")
        self._open_count += 1
        self._peak_count = max(self._open_count, self._peak_count)
        try:
            yield
        finally:
            self._open_count -= 1
            if self._peak_count >= FLOOD_CALLS and self._open_count <= self._peak_count // 4:
                self._peak_count = self._open_count
                loop = asyncio.get_running_loop()
                loop.call_later(RELEASE_DELAY_SECONDS, loop.run_in_executor, None, release_freed_memory)


def _unauthenticated(handler: Handler) -> Behaviour:
    """Return a behaviour that ends every call with UNAUTHENTICATED."""

    async def refuse(requests: Any, context: Context) -> AsyncIterator[Any]:
        if handler.request_streaming:
            await Messages(requests, None).drain(DRAIN_SECONDS)
        text = "expected metadata authorization: Bearer <NEUROSYNC_TOKEN>"
        details = status_details(grpc.StatusCode.UNAUTHENTICATED, text, "UNAUTHENTICATED")
        await context.abort(grpc.StatusCode.UNAUTHENTICATED, text, details)
        yield  # makes this an async generator, which gRPC requires of a streaming handler

    return refuse


def _guarded(handler: Handler, method: str, limit: _CallLimit) -> Behaviour:
    """Return the behaviour of the handler as a stream of responses, within the limit and with errors as statuses."""
    behaviour: Any = handler.unary_unary or handler.stream_unary or handler.unary_stream or handler.stream_stream

    async def stream(requests: Any, context: Context) -> AsyncIterator[Any]:
        messages = Messages(requests, handler.request_deserializer)
        try:
            with limit.call():
                request = messages if handler.request_streaming else await messages.single(REQUEST_SECONDS)
                if not handler.response_streaming:
                    yield await behaviour(request, context)
                    return
                async with contextlib.aclosing(behaviour(request, context)) as responses:
                    async for response in responses:
                        yield response
        except Exception as error:
            if handler.request_streaming:
                await messages.drain(DRAIN_SECONDS)
            _set_status(context, error, method)

    return stream


def _set_status(context: Context, error: Exception, method: str) -> None:
    """Set the status of the call to that of `error`.

    It is set, not raised by `abort`: gRPC keeps a raised one in a reference cycle with all that the call held, perhaps
    megabytes, until Python's garbage collector runs. Tasks do the same with the error, so its frames are cleared.
    """
    known = _expected_error(error, method)
    traceback.clear_frames(error.__traceback__)
    if isinstance(known, grpc.aio.AbortError):  # the handler has set the status itself
        raise known
    code, text, details = error_status(known if isinstance(known, NeuroSyncError) else None)
    if known is not None:
        logger.info("refused method=%s code=%s reason=%s", method, code.name, text)
    context.set_code(code)
    context.set_details(text)
    context.set_trailing_metadata(details)


def _expected_error(error: Exception, method: str) -> Exception | None:
    """Return the error that was raised on purpose, also from inside exception groups; log any other."""
    kinds = (NeuroSyncError, grpc.aio.AbortError)
    if isinstance(error, kinds):
        return error
    known, unexpected = error.split(kinds) if isinstance(error, ExceptionGroup) else (None, error)
    if unexpected is not None:
        logger.error("failed method=%s", method, exc_info=unexpected)
    return None if known is None else _expected_error(known.exceptions[0], method)


def _as_stream(handler: Handler, behaviour: Behaviour) -> Handler:
    """Return a handler for which gRPC decodes nothing: on the wire, a unary request is a stream of one message."""
    wrapped: Handler = grpc.stream_stream_rpc_method_handler(
        behaviour, request_deserializer=None, response_serializer=handler.response_serializer
    )
    return wrapped
