"""Ctrl-C that asks a command to end early, instead of ending the process at once."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


async def run_interruptible(work: Coroutine[Any, Any, T], interrupt: Callable[[], Awaitable[object]]) -> tuple[T, bool]:
    """Run `work` to its end; the first Ctrl-C calls `interrupt`, the second one ends the command.

    Args:
        work: What to run.
        interrupt: Lets `work` end soon, with a result.

    Returns:
        The result of `work`, and whether it was interrupted.
    """
    loop, interrupted = asyncio.get_running_loop(), asyncio.Event()

    def once(number: int, _frame: object) -> None:
        signal.signal(number, signal.default_int_handler)
        loop.call_soon_threadsafe(interrupted.set)

    before = signal.signal(signal.SIGINT, once)
    working = asyncio.create_task(work, name="interruptible work")
    waiting = asyncio.create_task(interrupted.wait(), name="wait for Ctrl-C")
    try:
        await asyncio.wait({working, waiting}, return_when=asyncio.FIRST_COMPLETED)
        if interrupted.is_set():
            await interrupt()
        return await working, interrupted.is_set()
    finally:
        waiting.cancel()
        working.cancel()
        signal.signal(signal.SIGINT, before)
