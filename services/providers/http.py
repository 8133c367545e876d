"""What both providers in the network need: a client of their own, waits with a limit, failures with a reason."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Iterator
from typing import TypeVar
from urllib.parse import urlsplit

import httpx

from services.common.addresses import is_loopback
from services.tts.providers.speech_provider import ProviderError

logger = logging.getLogger(__name__)

T = TypeVar("T")

KEY_HOLD_SECONDS = 300.0  # a refused key or an empty account is not better after a moment
CLOSE_SECONDS = 2.0  # to release a socket; longer would delay an interruption


def client(url: str, connect_seconds: float) -> httpx.AsyncClient:
    """Return a client for `url`; servers on this machine are reached without the proxy of the desktop.

    It has no limit on reading: whoever waits does it with `soon`.
    """
    timeout = httpx.Timeout(None, connect=connect_seconds)
    return httpx.AsyncClient(timeout=timeout, trust_env=not is_loopback(urlsplit(url).hostname or ""))


async def soon(waiting: Awaitable[T], seconds: float, what: str) -> T:
    """Return the result of `waiting`.

    Raises:
        ProviderError: It was not there after `seconds`; `what` names it.
    """
    try:
        async with asyncio.timeout(seconds):
            return await waiting
    except TimeoutError as error:
        raise ProviderError(f"no {what} for {seconds:g} s") from error


async def timely(stream: AsyncIterator[T], first: float, later: float) -> AsyncGenerator[T]:
    """Yield the items of a stream, the first within `first` seconds, each other `later` seconds after the one before.

    Raises:
        ProviderError: One came too late.
    """
    seconds, what = first, "sound"
    while True:
        try:
            item = await soon(anext(stream), seconds, what)
        except StopAsyncIteration:
            return
        yield item
        seconds, what = later, "more sound"


async def released(closing: Awaitable[object]) -> None:
    """Wait until a connection is closed, but not for long: the other side may never answer."""
    try:
        async with asyncio.timeout(CLOSE_SECONDS):
            await closing
    except TimeoutError:
        logger.warning("a connection did not close within %g s", CLOSE_SECONDS)


@contextlib.contextmanager
def network_errors() -> Iterator[None]:
    """Turn failures of the network within the block into ProviderError."""
    try:
        yield
    except httpx.HTTPError as error:
        raise ProviderError(f"{type(error).__name__}: {error}") from error


def refusal(status: int | None, said: str, retry_after: str | None = None) -> ProviderError:
    """Return the error for an HTTP status; `retry_after` is the header of that name."""
    reason = f"status {status}: {said[:200]}" if said else f"status {status}"
    if status in (401, 402, 403):
        return ProviderError(f"the key or the account was refused ({reason})", hold=KEY_HOLD_SECONDS)
    if status == 429 and retry_after and retry_after.isdecimal():
        return ProviderError(f"busy ({reason})", hold=min(float(retry_after), KEY_HOLD_SECONDS))
    return ProviderError(reason)
