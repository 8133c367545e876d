"""The command as a user runs it: a process of its own, in an empty folder, without settings of the machine."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from services.common.settings import load
from services.player.server import PlayerService
from services.player.settings import PlayerSettings
from services.serving.server import running

ROOT = Path(__file__).parents[2]
RUN_SECONDS = 60.0
SETTINGS = ("NEUROSYNC_", "OPENAI_", "ELEVENLABS_", "LLM_", "TTS_", "LOCAL_TTS_", "LIVELINK_")


@dataclass(frozen=True)
class Result:
    """How a command ended."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        """The one JSON object that it printed."""
        table: dict[str, Any] = json.loads(self.out)
        return table


class Command:
    """A command that runs."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self._read = ""

    async def notice(self, fragment: str) -> str:
        """Return the next line on standard error that contains `fragment`."""
        assert self.process.stderr is not None
        async with asyncio.timeout(RUN_SECONDS):
            while line := (await self.process.stderr.readline()).decode():
                self._read += line
                if fragment in line:
                    return line
        raise AssertionError(f"no {fragment!r} on standard error:\n{self._read}")

    async def end(self, given: bytes | None = None) -> Result:
        """Wait for the end, giving it `given` as standard input."""
        async with asyncio.timeout(RUN_SECONDS):
            out, err = await self.process.communicate(given)
        assert self.process.returncode is not None
        return Result(self.process.returncode, out.decode(), self._read + err.decode())


Start = Callable[..., Awaitable[Command]]
Run = Callable[..., Awaitable[Result]]


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The empty folder."""
    for name in os.environ:
        if name.upper().startswith(SETTINGS):
            monkeypatch.delenv(name)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), str(ROOT / "protos")]))
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
async def start(place: Path) -> AsyncIterator[Start]:
    """Starts `neurosync ARGUMENTS`; `env` adds variables. What still runs at the end of the test is killed."""
    started: list[asyncio.subprocess.Process] = []

    async def begin(*arguments: object, **env: str) -> Command:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "services.cli"),
            *map(str, arguments),
            cwd=place,
            env=os.environ | env,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        started.append(process)
        return Command(process)

    yield begin
    for process in started:
        if process.returncode is None:
            process.kill()
            await process.communicate()


@pytest.fixture
def neurosync(start: Start) -> Run:
    """Runs `neurosync ARGUMENTS` to its end."""

    async def run(*arguments: object, given: bytes | None = None, **env: str) -> Result:
        return await (await start(*arguments, **env)).end(given)

    return run


@pytest.fixture
def unreal() -> Iterator[socket.socket]:
    """A socket in the place of Unreal."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        receiver.bind(("127.0.0.1", 0))
        receiver.setblocking(False)
        yield receiver


@pytest.fixture
async def player(unreal: socket.socket) -> AsyncIterator[dict[str, str]]:
    """A running player without a sound device, as the variables that lead the command to it."""
    port = unreal.getsockname()[1]
    settings = load(PlayerSettings, listen="127.0.0.1:0", output="none", targets=f"127.0.0.1:{port}")
    async with running(PlayerService(settings), settings) as server:
        await server.warm
        yield {"NEUROSYNC_CLIENT_PLAYER": server.address}
