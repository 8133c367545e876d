"""Starts the player as a child process, for benchmarks and tests of it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path

START_SECONDS = 30.0
ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class PlayerProcess:
    """A player that runs."""

    pid: int
    address: str
    """Of its gRPC server."""

    def cpu_seconds(self) -> float:
        """Return the processor time it has used, where the system reports it."""
        fields = Path(f"/proc/{self.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def kill(self) -> None:
        """End it at once, as a crash would."""
        os.kill(self.pid, signal.SIGKILL)

    def memory_bytes(self) -> int:
        """Return the memory it holds, where the system reports it."""
        pages = Path(f"/proc/{self.pid}/statm").read_text(encoding="ascii").split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")


@contextlib.asynccontextmanager
async def player_process(
    environment: Mapping[str, str] = os.environ, **settings: object
) -> AsyncIterator[PlayerProcess]:
    """Run `python -m services.player` with `settings` until the block ends."""
    names = {f"NEUROSYNC_PLAYER_{name.upper()}": str(value) for name, value in settings.items()}
    names |= {"NEUROSYNC_PLAYER_LISTEN": "127.0.0.1:0", "NEUROSYNC_EXIT_WITH_PARENT": "1"}
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "services.player"),
        env=dict(environment) | names,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        cwd=ROOT,
    )
    assert child.stderr
    draining: asyncio.Task[None] | None = None
    try:
        address, log = "", []
        async with asyncio.timeout(START_SECONDS):
            while line := (await child.stderr.readline()).decode(errors="replace"):
                log.append(line)
                if "listening" in line and " address=" in line:
                    address = line.split(" address=")[1].strip()
                if "output started" in line:
                    break
        if not address or child.returncode is not None:
            raise RuntimeError("the player did not start:\n" + "".join(log))
        draining = asyncio.create_task(_drain(child.stderr), name="log of the player")
        yield PlayerProcess(child.pid, address)
    finally:
        if child.returncode is None:
            child.terminate()
        try:
            async with asyncio.timeout(15):
                await (draining or _drain(child.stderr))
                await child.wait()
        except TimeoutError:
            child.kill()
            raise


async def _drain(stream: asyncio.StreamReader) -> None:
    while line := await stream.readline():
        if b" ERROR " in line or b"Traceback" in line or b" WARNING " in line:
            sys.stderr.write(line.decode(errors="replace"))
