"""The request messages of one call, decoded when the handler reads them, with time limits and errors for bad bytes.

By itself gRPC decodes a message before the handler runs, however many calls are open, and waits for it without a limit.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any, Protocol

from services.common.errors import BadRequestError, InactiveError


class EncodedMessages(Protocol):
    """The iterator of requests that gRPC passes to a handler, without a deserializer."""

    def __aiter__(self) -> AsyncIterator[bytes]:
        """Return the encoded messages."""


class Messages:
    """The messages of a call, each decoded when it is read."""

    def __init__(self, raw: EncodedMessages, decode: Callable[[bytes], Any] | None) -> None:
        """Read from `raw` and decode with `decode`; None returns the bytes."""
        self._raw = aiter(raw)
        self._decode = decode

    def __aiter__(self) -> Messages:
        return self

    async def __anext__(self) -> Any:
        """Return the next message.

        Raises:
            BadRequestError: The bytes are not a message of the expected type.
        """
        data = await anext(self._raw)
        if self._decode is None:
            return data
        try:
            return self._decode(data)
        except Exception as error:  # the protobuf runtimes raise unrelated types of errors
            raise BadRequestError("message", f"{len(data)} bytes", "a message of this call's type") from error

    async def drain(self, seconds: float) -> None:
        """Read and drop what the client still sends, for at most `seconds`."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                async for _ in self._raw:
                    pass

    async def single(self, seconds: float) -> Any:
        """Return the message of a unary request.

        Raises:
            BadRequestError: The call has no message, or one that cannot be decoded.
            InactiveError: The message did not come within `seconds`.
        """
        try:
            async with asyncio.timeout(seconds):
                return await anext(self)
        except StopAsyncIteration as error:
            raise BadRequestError("message", "none", "one message") from error
        except TimeoutError as error:
            raise InactiveError(f"the message of the call did not come within {seconds:g} s") from error
