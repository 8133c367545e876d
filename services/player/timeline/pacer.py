"""The player's thread: wakes for each tick at its absolute time, and at once for a request from another thread."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any, Protocol, TypeVar

from services.common.errors import BusyError, NeuroSyncError, UnavailableError
from services.common.scheduling import PLAYER_PRIORITY, raise_priority
from services.player.timeline.ticks import TICK_RATE

logger = logging.getLogger(__name__)

T = TypeVar("T")

MAX_COMMANDS = 1024  # that wait for the next step; each stream has one or two, so more is a flood
FINE_SECONDS = 0.002  # before a deadline the frames are made, and only a sleep is exact; longer delays requests
ANSWER_SECONDS = 5.0  # a step takes a fraction of a millisecond
LOGGED_FAILURES = 10  # of steps; a defect that shows sixty times a second must not fill the disk


class Paced(Protocol):
    """What a pacer runs; all methods are called on its thread."""

    @property
    def commands(self) -> deque[Callable[[], object]]:
        """Requests of other threads, which `step` runs."""

    def step(self, now: float) -> float:
        """Do what is due at monotonic time `now`; return when to look again."""

    def prepare(self, now: float) -> None:
        """Make ready what is due next, if that is soon."""

    def close(self) -> None:
        """Release all devices and sockets; called once the thread has ended."""


class Pacer:
    """Runs an engine on a thread. Other threads reach what it owns only through `call` and `post`."""

    def __init__(self, engine: Paced) -> None:
        """Run `engine` from `start` to `close`."""
        self._engine = engine
        self._wake = threading.Event()
        self._ending = False
        self._failures = 0
        self._thread = threading.Thread(target=self._run, name="player", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    async def close(self) -> None:
        """End the thread, at the latest after `ANSWER_SECONDS`, and release device and sockets."""
        self._ending = True
        self._wake.set()
        await asyncio.to_thread(self._thread.join, ANSWER_SECONDS)
        self._engine.close()

    async def call(self, function: Callable[..., T], *arguments: object) -> T:
        """Return what `function(*arguments)` returns on the player's thread, or raise what it raises.

        Raises:
            BusyError: Too many requests wait.
            UnavailableError: The player has ended, or does not answer.
        """
        if len(self._engine.commands) >= MAX_COMMANDS:
            raise BusyError(f"{MAX_COMMANDS} requests wait for the player")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()

        def run() -> None:
            try:
                result = function(*arguments)
            except NeuroSyncError as error:  # its traceback would keep what was refused alive, in a reference cycle
                _deliver(loop, future, future.set_exception, error.with_traceback(None))
            except Exception as error:  # the caller gets it
                _deliver(loop, future, future.set_exception, error)
            else:
                _deliver(loop, future, future.set_result, result)

        self.post(run)
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                return await future
        except TimeoutError as error:
            raise UnavailableError(
                "the player does not answer; it is shutting down, or the machine is overloaded"
            ) from error

    def post(self, function: Callable[[], object]) -> None:
        """Run `function` on the player's thread, soon, without waiting for it; it must not raise.

        Raises:
            UnavailableError: The player has ended.
        """
        if self._ending:
            raise UnavailableError("the player is shutting down")
        self._engine.commands.append(function)
        self._wake.set()

    def _run(self) -> None:
        raise_priority(PLAYER_PRIORITY)
        with _fine_timers():
            while not self._ending:
                self._wake.clear()
                deadline = self._do(self._engine.step)
                self._wait_until(time.monotonic() + 1 / TICK_RATE if deadline is None else deadline)

    def _do(self, function: Callable[[float], T]) -> T | None:
        """Return what `function(now)` of the engine returns, or None if it failed."""
        try:
            return function(time.monotonic())
        except Exception:  # the face goes on, whatever happens
            self._failures += 1
            if self._failures <= LOGGED_FAILURES:
                logger.exception("step failed")
            return None

    def _wait_until(self, deadline: float) -> None:
        """Sleep until `deadline`, or until a request comes; shortly before, make ready what is due then."""
        coarse = deadline - time.monotonic() - FINE_SECONDS
        if coarse > 0 and self._wake.wait(coarse):
            return
        self._do(self._engine.prepare)
        rest = deadline - time.monotonic()
        if rest > 0:
            time.sleep(rest)


def _deliver(
    loop: asyncio.AbstractEventLoop, future: asyncio.Future[T], set_outcome: Callable[[Any], None], outcome: object
) -> None:
    """Complete a future of another thread's loop, unless nobody waits for it any more."""
    with contextlib.suppress(RuntimeError):  # the loop has closed
        loop.call_soon_threadsafe(lambda: None if future.done() else set_outcome(outcome))


@contextlib.contextmanager
def _fine_timers() -> Iterator[None]:
    """Let waits end within a millisecond on Windows, whose timers otherwise tick every 15.6 ms."""
    if sys.platform != "win32":
        yield
        return
    import ctypes

    multimedia = ctypes.windll.winmm
    multimedia.timeBeginPeriod(1)
    try:
        yield
    finally:
        multimedia.timeEndPeriod(1)
