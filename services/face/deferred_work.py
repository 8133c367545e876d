"""Work that waits for a shared device now and then: done at once, or by a loop that holds no thread meanwhile.

Work is a generator: it yields what it waits for and is sent the answer, and what it returns is its result.

answers = yield batcher.submit(windows)
"""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from concurrent.futures import Executor, Future
from typing import Any, TypeAlias, TypeVar

from services.common.errors import UnavailableError

T = TypeVar("T")
Work: TypeAlias = Generator[Future[Any], Any, T]
"""Work whose result is a T. Its steps may run on different threads, one after the other."""

ANSWER_SECONDS = 120.0
"""Seconds until an answer is given up; a full line of a slow core takes half a minute."""


def done(work: Work[T]) -> T:
    """Do work here and now.

    Raises:
        UnavailableError: The device gave no answer in time.
    """
    ended, value = _advance(work, None)
    while not ended:
        try:
            ended, value = _advance(work, value.result(ANSWER_SECONDS))
        except TimeoutError as error:
            value.cancel()
            raise _stuck() from error
    result: T = value
    return result


async def done_in(pool: Executor | None, work: Work[T]) -> T:
    """Do the steps of work in a pool, and wait for the device in between without a thread; None does all here.

    Cancelling cancels what the work waits for: a window that has not begun is then never run.

    Raises:
        UnavailableError: The device gave no answer in time.
    """
    if pool is None:
        return done(work)
    loop = asyncio.get_running_loop()
    ended, value = await loop.run_in_executor(pool, _advance, work, None)
    while not ended:
        try:
            answer = await asyncio.wait_for(asyncio.wrap_future(value), ANSWER_SECONDS)
        except TimeoutError as error:
            raise _stuck() from error
        ended, value = await loop.run_in_executor(pool, _advance, work, answer)
    result: T = value
    return result


def _advance(work: Work[T], answer: Any) -> tuple[bool, Any]:
    """Do one step; return whether it was the last, and the result or what to wait for."""
    try:
        return False, work.send(answer)
    except StopIteration as end:
        return True, end.value


def _stuck() -> UnavailableError:
    return UnavailableError(f"the face model gave no answer for {ANSWER_SECONDS:g} s")
