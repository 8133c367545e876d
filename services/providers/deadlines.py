"""Waits with a limit: for one answer of a provider, for each item of a stream, for a connection to close."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable
from typing import TypeVar

from services.providers.provider_error import ProviderError

logger = logging.getLogger(__name__)

T = TypeVar("T")

CLOSE_SECONDS = 2.0  # to release a socket; longer would delay an interruption


async def within(waiting: Awaitable[T], seconds: float, missing: str) -> T:
    """Return the result of `waiting`.

    Raises:
        ProviderError: It did not come within `seconds`; the message begins with `missing`, such as "no answer".
    """
    try:
        async with asyncio.timeout(seconds):
            return await waiting
    except TimeoutError as error:
        raise ProviderError(f"{missing} for {seconds:g} s") from error


async def items_within(stream: AsyncIterator[T], first: float, later: float, item: str) -> AsyncGenerator[T]:
    """Yield the items of a stream.

    Args:
        stream: The stream; not closed here.
        first: Seconds until its first item.
        later: Seconds from each item to the next.
        item: What an item is called in messages, such as "sound".

    Raises:
        ProviderError: An item came too late.
    """
    seconds, missing = first, f"no {item}"
    while True:
        try:
            received = await within(anext(stream), seconds, missing)
        except StopAsyncIteration:
            return
        yield received
        seconds, missing = later, f"no more {item}"


async def closed_within(closing: Awaitable[object], seconds: float = CLOSE_SECONDS) -> None:
    """Wait until a connection is closed, at most `seconds`: the other side may never answer."""
    try:
        async with asyncio.timeout(seconds):
            await closing
    except TimeoutError:
        logger.warning("a connection did not close within %g s", seconds)
