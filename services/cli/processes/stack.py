"""Start all processes of NeuroSync on this machine, wait until they are healthy, and keep them alive."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from services.common.errors import UnavailableError
from services.serving.dialing import dial
from services.serving.probe import SERVING, health_of

START_SECONDS = 90.0  # until healthy: the language model loads in 1 to 4 s, a first start on a slow disk takes longer
FAREWELL_SECONDS = 1.0  # for the orchestrator to stop its turns, while the stages still answer
STOP_SECONDS = 3.0  # from the request to end until a process is killed; `up` promises 5 s in all
BACKOFF = (0.5, 1.0, 2.0, 4.0, 8.0)  # seconds before restart 1, 2, ...; a minute of health starts over
STEADY_SECONDS = 60.0
LOOK_SECONDS = 2.0  # how often a process is asked whether it lives
HUNG_SECONDS = 10.0  # without an answer; longer: a hung process is missed for longer, shorter: a busy one is killed
READ_BYTES = 1 << 16  # of a process's log at a time; of a longer line the end is kept
LOG_LINES = 40  # kept of a process, to be shown if it dies


@dataclass(frozen=True)
class Part:
    """One process of the stack."""

    name: str
    port: int
    service: str
    """Name in `grpc.health.v1`."""
    module: str = ""
    """What to run; empty: the service of that name."""


PARTS = (
    Part("llm", 50051, "neurosync.v1.LanguageModelService"),
    Part("tts", 50052, "neurosync.v1.SpeechService"),
    Part("face", 50053, "neurosync.v1.FaceService"),
    Part("player", 50054, "neurosync.v1.PlayerService"),
    Part("orchestrator", 50050, "neurosync.v1.OrchestratorService"),
)


@dataclass
class _Process:
    part: Part
    address: str
    handle: asyncio.subprocess.Process | None = None
    reader: asyncio.Task[None] | None = None
    log: deque[str] = field(default_factory=lambda: deque(maxlen=LOG_LINES))
    restart_count: int = 0


class Stack:
    """The processes; `addresses` tells where each listens."""

    def __init__(
        self,
        *,
        tell: Callable[[str], None],
        parts: Sequence[Part] = PARTS,
        dialled: Mapping[str, str] | None = None,
        environment: Mapping[str, str] | None = None,
        free_ports: bool = False,
        hung_seconds: float = HUNG_SECONDS,
        verbose: bool = False,
    ) -> None:
        """Prepare.

        Args:
            tell: Shows a line to the user.
            parts: The processes to start.
            dialled: Where the orchestrator finds a stage, for stages that it does not reach directly.
            environment: Variables for the processes, beside those of this one.
            free_ports: Whether to take any free ports rather than the usual ones.
            hung_seconds: After how many seconds without an answer a process is killed and started again.
            verbose: Whether to show everything that the processes log.
        """
        self._tell, self._verbose, self._hung_seconds = tell, verbose, hung_seconds
        self.addresses = {part.name: f"127.0.0.1:{_free_port() if free_ports else part.port}" for part in parts}
        self._variables = os.environ | dict(environment or {})
        self._dialled = self.addresses | dict(dialled or {})
        self._processes = [_Process(part, self.addresses[part.name]) for part in parts]
        self._stopping = False

    async def start(self) -> None:
        """Start every process and wait until all are healthy.

        Raises:
            UnavailableError: A port is taken, a process ended, or one was not healthy in time; the message has its last
                words.
        """
        for process in self._processes:
            if _is_taken(process.address):
                raise UnavailableError(
                    f"{process.address} is in use: another `neurosync up`? Stop it, or choose another port"
                )
        started = time.monotonic()
        for process in self._processes:
            await self._spawn(process)
        await asyncio.gather(*(self._healthy(process, started) for process in self._processes))

    async def supervise(self) -> None:
        """Restart what dies or hangs, with backoff, until cancelled."""
        async with asyncio.TaskGroup() as group:
            for process in self._processes:
                group.create_task(self._keep(process), name=f"keep {process.part.name}")
                group.create_task(self._watch(process), name=f"watch {process.part.name}")

    def pid(self, name: str) -> int:
        """Return the process id of a part as it runs now; it changes with every restart."""
        return next(p.handle.pid for p in self._processes if p.part.name == name and p.handle is not None)

    async def stop(self) -> None:
        """End every process: the orchestrator first, so that it can stop its turns; none is left when this returns."""
        self._stopping = True
        orchestrators = [process for process in self._processes if process.part.name == "orchestrator"]
        await _end(orchestrators, FAREWELL_SECONDS)
        await _end(self._processes, STOP_SECONDS)
        readers = [process.reader for process in self._processes if process.reader]
        if readers:
            await asyncio.wait(readers, timeout=0.5)  # their pipes have ended with the processes

    async def _spawn(self, process: _Process) -> None:
        process.handle = handle = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            process.part.module or f"services.{process.part.name}",
            stdin=asyncio.subprocess.PIPE,  # closes when this process dies, however it dies, and ends the child
            stderr=asyncio.subprocess.PIPE,
            env=self._environment(process),
            # Ctrl-C reaches the supervisor alone, which ends the others in order. They stay in its session: sessions
            # share the cores evenly on many systems, but a turn's threads are not equally urgent (scheduling.py).
            process_group=0 if os.name == "posix" else None,
        )
        process.reader = asyncio.create_task(self._read_log(process, handle), name=f"log {process.part.name}")

    def _environment(self, process: _Process) -> Mapping[str, str]:
        own = {f"NEUROSYNC_{process.part.name.upper()}_LISTEN": process.address, "NEUROSYNC_EXIT_WITH_PARENT": "1"}
        if process.part.name == "orchestrator":
            own |= {f"NEUROSYNC_ORCHESTRATOR_{name.upper()}": address for name, address in self._dialled.items()}
        return self._variables | own

    async def _read_log(self, process: _Process, handle: asyncio.subprocess.Process) -> None:
        """Keep the last lines of a process, and show what is worth it."""
        if handle.stderr is None:
            return
        rest = b""
        while piece := await handle.stderr.read(READ_BYTES):  # not by lines: a longer one than expected would end it
            *lines, rest = (rest + piece)[-READ_BYTES:].split(b"\n")
            for raw in lines:
                line = raw.decode(errors="replace").rstrip()
                process.log.append(line)
                if self._verbose or " WARNING " in line or " ERROR " in line:
                    self._tell(f"[{process.part.name}] {line}")

    async def _healthy(self, process: _Process, started: float) -> None:
        """Wait until a process says that it can serve."""
        if await self._wait_healthy(process, START_SECONDS):
            self._tell(f"  {process.part.name:<13}{process.address:<18}ready after {time.monotonic() - started:.1f} s")
            return
        await asyncio.sleep(0.1)  # for the last lines of its log
        last = "\n".join(f"    {line}" for line in list(process.log)[-8:])
        handle = process.handle
        how = "is not healthy" if handle is None or handle.returncode is None else f"ended with {handle.returncode}"
        raise UnavailableError(f"{process.part.name} {how}; its last words:\n{last}")

    async def _wait_healthy(self, process: _Process, seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                while process.handle is not None and process.handle.returncode is None:
                    if await is_healthy(process.address, process.part.service):
                        return True
                    await asyncio.sleep(0.1)
        except TimeoutError:
            pass
        return False

    async def _keep(self, process: _Process) -> None:
        """Start a process again whenever it ends."""
        failures = 0
        while process.handle is not None:
            since = time.monotonic()
            code = await process.handle.wait()
            if self._stopping:
                return
            failures = 0 if time.monotonic() - since > STEADY_SECONDS else failures
            wait = BACKOFF[min(failures, len(BACKOFF) - 1)]
            failures += 1
            self._tell(f"{process.part.name} ended with {_exit_text(code)}; starting it again in {wait:g} s")
            await asyncio.sleep(wait)
            await self._spawn(process)
            if await self._wait_healthy(process, START_SECONDS):
                self._tell(f"{process.part.name} is back")

    async def _watch(self, process: _Process) -> None:
        """Kill a process that does not answer for too long: dead, it is started again."""
        heard, started, answered = time.monotonic(), process.handle, process.handle
        while True:
            await asyncio.sleep(min(LOOK_SECONDS, self._hung_seconds / 4))
            handle = process.handle
            if handle is None or handle.returncode is not None:
                continue
            if handle is not started:
                started, heard = handle, time.monotonic()
            limit = self._hung_seconds if handle is answered else START_SECONDS
            if await is_healthy(process.address, "", seconds=self._hung_seconds / 4):
                answered, heard = handle, time.monotonic()
            elif time.monotonic() - heard > limit and handle.returncode is None and not self._stopping:
                self._tell(f"{process.part.name} has not answered for {limit:g} s; ending it")
                handle.kill()


@asynccontextmanager
async def started(stack: Stack) -> AsyncIterator[Stack]:
    """Run a stack for the length of a block; whatever happens in it, no process is left."""
    keeping: asyncio.Task[None] | None = None
    try:
        await stack.start()
        keeping = asyncio.create_task(stack.supervise(), name="supervise")
        yield stack
    finally:
        if keeping is not None:
            keeping.cancel()
        await stack.stop()


async def is_healthy(address: str, service: str, *, seconds: float = 1.0) -> bool:
    """Return whether a service at `address` says that it is serving."""
    async with dial(address) as channel:
        try:
            return await health_of(channel, service, timeout=seconds) == SERVING
        except UnavailableError:
            return False


async def _end(processes: Sequence[_Process], seconds: float) -> None:
    """Ask processes to end, and kill what has not after `seconds`."""
    alive = [process.handle for process in processes if process.handle and process.handle.returncode is None]
    if not alive:
        return
    for handle in alive:
        handle.terminate()
    waits = [asyncio.create_task(handle.wait()) for handle in alive]
    _, late = await asyncio.wait(waits, timeout=seconds)
    if late:
        for handle in alive:
            if handle.returncode is None:
                handle.kill()
        await asyncio.wait(late, timeout=1.0)


def _exit_text(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"status {code}"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _is_taken(address: str) -> bool:
    host, _, port = address.rpartition(":")
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex((host, int(port))) == 0
