"""All services as processes of this machine: started, healthy, kept alive, and ended together."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

from services.cli.processes.local_ports import free_port, is_port_taken
from services.cli.processes.managed_process import ManagedProcess, end_processes
from services.cli.processes.service_process import SERVICES, ServiceProcess
from services.cli.processes.supervisor import HUNG_SECONDS, START_SECONDS, exit_text, supervise
from services.common.addresses import Address
from services.common.errors import UnavailableError

FIRST_STOP_SECONDS = 1.0  # for the orchestrator to stop its turns, while the services that it calls still answer
STOP_SECONDS = 3.0  # from the request to end until a process is killed; `up` promises 5 s in all
LOG_SECONDS = 0.5  # for the last lines of a log, whose pipe ends with its process
SHOWN_LOG_LINES = 8  # of a process that did not start
_HOST = "127.0.0.1"


class Stack:
    """Several services as processes; `addresses` has the address of each by name."""

    def __init__(
        self,
        *,
        notify: Callable[[str], None],
        services: Sequence[ServiceProcess] = SERVICES,
        free_ports: bool = False,
        hung_seconds: float = HUNG_SECONDS,
        verbose: bool = False,
    ) -> None:
        """Prepare.

        Args:
            notify: Shows a line to the user.
            services: What to start.
            free_ports: Whether to take any free ports rather than the usual ones.
            hung_seconds: After how many seconds without an answer a process is killed and started again.
            verbose: Whether to show everything that the processes log.
        """
        self.addresses = {
            service.name: str(Address(_HOST, free_port() if free_ports else service.port)) for service in services
        }
        self._notify, self._hung_seconds = notify, hung_seconds
        self._processes = [
            ManagedProcess(
                service,
                self.addresses[service.name],
                service.command(self.addresses),
                notify=notify,
                verbose=verbose,
            )
            for service in services
        ]

    async def start(self) -> None:
        """Start every process and wait until all are healthy.

        Raises:
            UnavailableError: A port is taken, a process ended, or one was not healthy in time; the message has the last
                lines of its log.
        """
        for process in self._processes:
            if is_port_taken(int(process.address.rpartition(":")[2])):
                raise UnavailableError(
                    f"{process.address} is in use: another `neurosync up`? Stop it, or run `neurosync up --free-ports`"
                )
        since = time.monotonic()
        for process in self._processes:
            await process.start()
        await asyncio.gather(*(self._wait_healthy(process, since) for process in self._processes))

    async def supervise(self) -> None:
        """Restart what dies or hangs, with backoff, until cancelled."""
        async with asyncio.TaskGroup() as group:
            for process in self._processes:
                group.create_task(supervise(process, notify=self._notify, hung_seconds=self._hung_seconds))

    def pid(self, name: str) -> int:
        """Return the process id of a service as it runs now; it changes with every restart."""
        return next(p.handle.pid for p in self._processes if p.name == name and p.handle is not None)

    async def stop(self) -> None:
        """End every process, those that call others first; none is left when this returns."""
        await end_processes([process for process in self._processes if process.service.dials], FIRST_STOP_SECONDS)
        await end_processes(self._processes, STOP_SECONDS)
        await asyncio.gather(*(process.wait_log(LOG_SECONDS) for process in self._processes))

    async def _wait_healthy(self, process: ManagedProcess, since: float) -> None:
        if await process.wait_healthy(START_SECONDS):
            self._notify(f"  {process.name:<13}{process.address:<18}ready after {time.monotonic() - since:.1f} s")
            return
        code = None if process.handle is None else process.handle.returncode
        if code is None:
            outcome = f"was not ready after {START_SECONDS:g} s"
        else:
            outcome = f"ended with {exit_text(code)}"
            await process.wait_log(LOG_SECONDS)
        log = "\n".join(f"    {line}" for line in process.last_log_lines(SHOWN_LOG_LINES))
        raise UnavailableError(f"{process.name} {outcome}; the end of its log:\n{log}")


@asynccontextmanager
async def started(stack: Stack) -> AsyncIterator[Stack]:
    """Run a stack for the length of a block; whatever happens in it, no process is left."""
    supervision: asyncio.Task[None] | None = None
    try:
        await stack.start()
        supervision = asyncio.create_task(stack.supervise(), name="supervise")
        yield stack
    finally:
        if supervision is not None:
            supervision.cancel()
            await asyncio.wait({supervision})
        await stack.stop()
