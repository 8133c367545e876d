"""Keeps a child process alive: starts it again when it ends, and kills it when it no longer answers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from services.cli.processes.managed_process import ManagedProcess
from services.cli.processes.process_health import is_healthy

START_SECONDS = 90.0  # until healthy: the language model loads in 1 to 4 s, a first start on a slow disk takes longer
BACKOFF = (0.5, 1.0, 2.0, 4.0, 8.0)  # seconds before restart 1, 2, ...; a minute of health starts over
STEADY_SECONDS = 60.0
CHECK_SECONDS = 2.0  # how often a process is asked whether it lives
HUNG_SECONDS = 10.0  # without an answer; longer: a hung process is missed for longer, shorter: a busy one is killed


async def supervise(process: ManagedProcess, *, notify: Callable[[str], None], hung_seconds: float) -> None:
    """Keep a process that was started alive until cancelled.

    Args:
        process: What to keep alive.
        notify: Shows a line to the user.
        hung_seconds: After how many seconds without an answer it is killed and started again.
    """
    async with asyncio.TaskGroup() as group:
        group.create_task(_restart_when_ended(process, notify), name=f"restart {process.name}")
        group.create_task(_kill_when_hung(process, notify, hung_seconds), name=f"watch {process.name}")


async def _restart_when_ended(process: ManagedProcess, notify: Callable[[str], None]) -> None:
    failures = 0
    while process.handle is not None:
        since = time.monotonic()
        status = exit_text(await process.handle.wait())
        failures = 0 if time.monotonic() - since > STEADY_SECONDS else failures
        delay = BACKOFF[min(failures, len(BACKOFF) - 1)]
        failures += 1
        notify(f"{process.name} ended with {status}; starting it again in {delay:g} s")
        await asyncio.sleep(delay)
        await process.start()
        if await process.wait_healthy(START_SECONDS):
            notify(f"{process.name} is running again")


async def _kill_when_hung(process: ManagedProcess, notify: Callable[[str], None], hung_seconds: float) -> None:
    """Kill a process that has not answered for too long; one that has yet to answer at all gets longer to start."""
    last_answer, started, answered = time.monotonic(), process.handle, process.handle
    while True:
        await asyncio.sleep(min(CHECK_SECONDS, hung_seconds / 4))
        handle = process.handle
        if handle is None or handle.returncode is not None:
            continue
        if handle is not started:
            started, last_answer = handle, time.monotonic()
        limit = hung_seconds if handle is answered else START_SECONDS
        if await is_healthy(process.address, "", seconds=hung_seconds / 4):
            answered, last_answer = handle, time.monotonic()
        elif time.monotonic() - last_answer > limit and handle.returncode is None:
            notify(f"{process.name} has not answered for {limit:g} s; ending it")
            handle.kill()


def exit_text(code: int) -> str:
    """Return how a process ended: "status 1", or "signal 9"."""
    return f"signal {-code}" if code < 0 else f"status {code}"
