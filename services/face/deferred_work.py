"""Computations that pause for a shared device, as generators, and the two ways to run them.

A `Work` generator yields a future and is sent that future's result; what it returns is the result of the whole
computation:

answers = yield batcher.submit(windows)

`run_work` runs one in the calling thread. `run_work_in` runs its steps in a pool and holds no thread while it waits.
"""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from concurrent.futures import Executor, Future
from typing import Any, TypeAlias, TypeVar

from services.common.errors import UnavailableError

T = TypeVar("T")
Work: TypeAlias = Generator[Future[Any], Any, T]
"""A computation that returns a T. Its steps may run on different threads, one after the other."""

ANSWER_SECONDS = 120.0
"""Timeout of one answer of the device; a full queue on a slow core takes half a minute."""


def run_work(work: Work[T]) -> T:
    """Run a computation in this thread and return its result.

    Raises:
        UnavailableError: The device gave no answer in time.
    """
    ended, value = _advance(work, None)
    while not ended:
        try:
            ended, value = _advance(work, value.result(ANSWER_SECONDS))
        except TimeoutError as error:
            value.cancel()
            raise _timed_out() from error
    result: T = value
    return result


async def run_work_in(pool: Executor | None, work: Work[T]) -> T:
    """Run the steps of a computation in a pool, and wait for the device in between without holding a thread.

    Cancelling this coroutine also cancels the future that the computation waits for: a window whose pass has not begun
    is then never run.

    Args:
        pool: that runs the steps; None runs everything in the calling thread.
        work: the computation.

    Raises:
        UnavailableError: The device gave no answer in time.
    """
    if pool is None:
        return run_work(work)
    loop = asyncio.get_running_loop()
    ended, value = await loop.run_in_executor(pool, _advance, work, None)
    while not ended:
        try:
            answer = await asyncio.wait_for(asyncio.wrap_future(value), ANSWER_SECONDS)
        except TimeoutError as error:
            raise _timed_out() from error
        ended, value = await loop.run_in_executor(pool, _advance, work, answer)
    result: T = value
    return result


def _advance(work: Work[T], answer: Any) -> tuple[bool, Any]:
    """Run one step; return whether it was the last, and either the result or the future to wait for."""
    try:
        return False, work.send(answer)
    except StopIteration as end:
        return True, end.value


def _timed_out() -> UnavailableError:
    return UnavailableError(f"the face model gave no answer for {ANSWER_SECONDS:g} s")
