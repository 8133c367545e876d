"""Fixtures of the tests of servers: an environment without settings, certificates, and server processes."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.isolation import isolated_folder as isolated_folder

ROOT = Path(__file__).parents[2]
START_SECONDS = 60  # a slow machine imports gRPC for seconds
Start = Callable[..., Awaitable["Process"]]


class Process:
    """A server process whose log is read line by line."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.log: list[str] = []

    async def line(self, fragment: str) -> str:
        """Return the next line of the log that contains `fragment`."""
        assert self.process.stderr is not None
        async with asyncio.timeout(START_SECONDS):
            while line := (await self.process.stderr.readline()).decode():
                self.log.append(line)
                if fragment in line:
                    return line
        raise AssertionError(f"no {fragment!r} in the log:\n{''.join(self.log)}")

    async def address(self) -> str:
        """Return the address on which the process listens."""
        return (await self.line("listening")).rpartition("address=")[2].strip()

    async def ended(self) -> tuple[int, str]:
        """Wait for the end; return the exit status and the whole log."""
        async with asyncio.timeout(START_SECONDS):
            _, rest = await self.process.communicate()
        assert self.process.returncode is not None
        return self.process.returncode, "".join(self.log) + rest.decode()


class Certificates(NamedTuple):
    """PEM files: an authority, a server and a client certificate signed by it, and a self-signed certificate."""

    authority: Path
    server: tuple[Path, Path]
    client: tuple[Path, Path]
    stranger: tuple[Path, Path]


@pytest.fixture
async def start(isolated_folder: Path) -> AsyncIterator[Start]:
    """Return a function that starts the fake as a process; whatever still runs is killed at the end."""
    started: list[asyncio.subprocess.Process] = []

    async def run(kind: str, **env: str) -> Process:
        """Start the fake; its standard input stays open until the test ends."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "tests.serving.fake_service", kind),
            cwd=isolated_folder,
            env={**os.environ, "PYTHONPATH": str(ROOT), **env},
            stdin=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        started.append(process)
        return Process(process)

    yield run
    for process in started:
        if process.returncode is None:
            process.kill()
            await process.communicate()


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """Make certificates for 127.0.0.1 that hold for a day."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed, so there are no certificates to test TLS with")
    folder = tmp_path_factory.mktemp("certificates")
    authority, stranger = _signed(folder, "authority"), _signed(folder, "stranger")
    server, client = (_signed(folder, name, authority) for name in ("server", "client"))
    return Certificates(authority[0], server, client, stranger)


def _signed(folder: Path, name: str, by: tuple[Path, Path] | None = None) -> tuple[Path, Path]:
    """Return the certificate and key of `name`, signed by another pair or by itself."""
    certificate, key = folder / f"{name}.pem", folder / f"{name}.key"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-days", "1", "-subj", f"/CN={name}", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key)]
    command += ["-out", str(certificate)]
    if by is not None:
        command += ["-CA", str(by[0]), "-CAkey", str(by[1]), "-addext", "basicConstraints=critical,CA:FALSE"]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    return certificate, key
