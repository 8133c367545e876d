"""One service as a child process: starting it, its log, its health, and ending it."""

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import Callable, Sequence

from services.cli.processes.process_health import is_healthy
from services.cli.processes.service_process import ServiceProcess

HEALTH_PERIOD_SECONDS = 0.1  # between two questions to a process that starts
READ_BYTES = 1 << 16  # of a process's log at a time; of a longer line the end is kept
LOG_LINES = 40  # kept of a process, to be shown if it ends by itself
KILL_SECONDS = 1.0  # for a killed process to be gone


class ManagedProcess:
    """A service that runs as a child of this process, and is started anew under the same address."""

    def __init__(
        self,
        service: ServiceProcess,
        address: str,
        command: Sequence[str],
        *,
        notify: Callable[[str], None],
        verbose: bool = False,
    ) -> None:
        """Prepare.

        Args:
            service: What it runs.
            address: Where it listens.
            command: Its command line.
            notify: Shows the warnings and errors of its log to the user.
            verbose: Whether to show everything that it logs.
        """
        self.service, self.address = service, address
        self.handle: asyncio.subprocess.Process | None = None
        self._command, self._notify, self._verbose = command, notify, verbose
        self._log: deque[str] = deque(maxlen=LOG_LINES)
        self._log_reader: asyncio.Task[None] | None = None

    @property
    def name(self) -> str:
        """Name of the service."""
        return self.service.name

    @property
    def is_running(self) -> bool:
        """Whether it was started and has not ended."""
        return self.handle is not None and self.handle.returncode is None

    async def start(self) -> None:
        """Start it."""
        self.handle = handle = await asyncio.create_subprocess_exec(
            *self._command,
            stdin=asyncio.subprocess.PIPE,  # closes when this process dies, however it dies, and ends the child
            stderr=asyncio.subprocess.PIPE,
            # Ctrl-C reaches the supervisor alone, which ends the others in order. They stay in its session: sessions
            # share the cores evenly on many systems, but a turn's threads are not equally urgent.
            process_group=0 if os.name == "posix" else None,
        )
        self._log_reader = asyncio.create_task(self._read_log(handle), name=f"log {self.name}")

    async def wait_healthy(self, seconds: float) -> bool:
        """Wait until it serves; return False if it ended, or was not healthy within `seconds`."""
        try:
            async with asyncio.timeout(seconds):
                while self.is_running:
                    if await is_healthy(self.address, self.service.service):
                        return True
                    await asyncio.sleep(HEALTH_PERIOD_SECONDS)
        except TimeoutError:
            pass
        return False

    def last_log_lines(self, count: int) -> list[str]:
        """Return the last lines that it logged, `count` at most."""
        return list(self._log)[-count:]

    async def wait_log(self, seconds: float) -> None:
        """Wait, for `seconds` at most, until the log of a process that has ended is read."""
        if self._log_reader is not None:
            await asyncio.wait({self._log_reader}, timeout=seconds)

    async def _read_log(self, handle: asyncio.subprocess.Process) -> None:
        """Keep the last lines that the process logs, and show its warnings and errors."""
        if handle.stderr is None:
            return
        rest = b""
        while piece := await handle.stderr.read(READ_BYTES):  # not by lines: a longer one than expected would end it
            *lines, rest = (rest + piece)[-READ_BYTES:].split(b"\n")
            for raw in lines:
                line = raw.decode(errors="replace").rstrip()
                self._log.append(line)
                if self._verbose or " WARNING " in line or " ERROR " in line:
                    self._notify(f"[{self.name}] {line}")


async def end_processes(processes: Sequence[ManagedProcess], seconds: float) -> None:
    """Ask processes to end, and kill those that still run after `seconds`."""
    running = [process.handle for process in processes if process.handle and process.is_running]
    if not running:
        return
    for handle in running:
        handle.terminate()
    waits = [asyncio.create_task(handle.wait(), name="wait for the end of a process") for handle in running]
    _, late = await asyncio.wait(waits, timeout=seconds)
    if late:
        for handle in running:
            if handle.returncode is None:
                handle.kill()
        await asyncio.wait(late, timeout=KILL_SECONDS)
