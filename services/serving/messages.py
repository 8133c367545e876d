"""The messages of one call, decoded by the server: bytes that are no message are the caller's fault, and say so.

gRPC would decode a message before the handler runs, however many calls run already, and wait for it without a limit.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any, Protocol

from services.common.errors import BadRequestError, InactiveError


class Raw(Protocol):
    """What gRPC gives a handler of a stream."""

    def __aiter__(self) -> AsyncIterator[bytes]:
        """Return the encoded messages."""


class Messages:
    """The messages of a call, each decoded when it is asked for."""

    def __init__(self, raw: Raw, decode: Callable[[bytes], Any] | None) -> None:
        """Decode what comes from `raw` by `decode`; None leaves the bytes."""
        self._raw = aiter(raw)
        self._decode = decode

    def __aiter__(self) -> Messages:
        return self

    async def __anext__(self) -> Any:
        """Return the next message.

        Raises:
            BadRequestError: The bytes are no message of the type that is wanted.
        """
        data = await anext(self._raw)
        if self._decode is None:
            return data
        try:
            return self._decode(data)
        except Exception as error:  # the runtimes of protobuf raise errors of several trees
            raise BadRequestError("message", f"{len(data)} bytes", "a message of this call's type") from error

    async def drain(self, seconds: float) -> None:
        """Read what the client still sends, for `seconds` at most, and forget it."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                async for _ in self._raw:
                    pass

    async def only(self, seconds: float) -> Any:
        """Return the one message of a call that takes one, if it comes within `seconds`.

        Raises:
            BadRequestError: The call has no message, or one that cannot be decoded.
            InactiveError: It did not come.
        """
        try:
            async with asyncio.timeout(seconds):
                return await anext(self)
        except StopAsyncIteration as error:
            raise BadRequestError("message", "none", "one message") from error
        except TimeoutError as error:
            raise InactiveError(f"the message of the call did not come within {seconds:g} s") from error
