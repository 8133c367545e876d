"""A turn through processes configured as deployed ones: listening on all interfaces, and guarded by the token."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import grpc
import pytest

from neurosync.v1 import orchestrator_pb2, orchestrator_pb2_grpc, outcome_pb2
from services.serving.dialing import Metadata, credentials, dial
from services.serving.probe import health_of
from tests.deploy.facts import BY_NAME, ROOT, TOKEN

START_SECONDS = 90  # the embedded models load on a busy machine
TEXT = "Hello there."


class Stack:
    """The processes of the stack and their addresses, by name."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.processes: dict[str, Process] = {}
        self.addresses: dict[str, str] = {}
        self.readers: list[asyncio.Task[None]] = []

    async def start(self, name: str, **more: str) -> None:
        """Start a service as a container would, beyond loopback, and wait until it is ready."""
        mine = {f"NEUROSYNC_{name.upper()}_{key}": value for key, value in {"LISTEN": "0.0.0.0:0", **more}.items()}
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "NEUROSYNC_TOKEN": TOKEN, **mine}
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", f"services.{name}", cwd=self.folder, env=environment, stderr=PIPE
        )
        self.processes[name] = process
        assert process.stderr is not None
        log = []
        async with asyncio.timeout(START_SECONDS):
            while line := (await process.stderr.readline()).decode():
                log.append(line)
                if "listening" in line:
                    self.addresses[name] = f"127.0.0.1:{line.strip().rpartition(':')[2]}"
                if "ready" in line:
                    self.readers.append(asyncio.create_task(_drained(process.stderr)))
                    return
        raise AssertionError(f"{name} ended:\n{''.join(log)}")

    async def stop(self) -> dict[str, int | None]:
        """End all; return their exit statuses."""
        for process in self.processes.values():
            if process.returncode is None:
                process.send_signal(signal.SIGTERM)
        waits = [asyncio.create_task(process.wait()) for process in self.processes.values()]
        _, late = await asyncio.wait(waits, timeout=30)
        if late:
            for process in self.processes.values():
                if process.returncode is None:
                    process.kill()
            await asyncio.wait(waits)
        await asyncio.gather(*self.readers)
        return {name: process.returncode for name, process in self.processes.items()}


async def _drained(stream: asyncio.StreamReader) -> None:
    while await stream.read(1 << 16):
        pass


@pytest.fixture
async def stack(tmp_path: Path) -> AsyncIterator[Stack]:
    stack = Stack(tmp_path)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as unreal:
        unreal.bind(("127.0.0.1", 0))
        try:
            await stack.start("tts")
            await stack.start("face")
            await stack.start("player", OUTPUT="none", TARGETS=f"127.0.0.1:{unreal.getsockname()[1]}")
            others = {name.upper(): f"dns:///{address}" for name, address in stack.addresses.items()}
            await stack.start("orchestrator", **others)
            yield stack
        finally:
            statuses = await stack.stop()
    assert set(statuses.values()) == {0}


async def finished_turn(channel: grpc.aio.Channel, metadata: Metadata) -> orchestrator_pb2.TurnFinished:
    """Speak a short text; return the last event."""
    stub: Any = orchestrator_pb2_grpc.OrchestratorServiceStub(channel)
    request = orchestrator_pb2.ConverseRequest(session_id=str(uuid4()), speak=TEXT)
    events = [event async for event in stub.Converse(request, metadata=metadata, timeout=60)]
    last = events[-1].finished
    assert isinstance(last, orchestrator_pb2.TurnFinished)
    return last


async def test_a_turn_passes_through_guarded_processes_and_only_with_the_token(stack: Stack) -> None:
    for name, address in stack.addresses.items():
        async with dial(address) as channel:
            assert await health_of(channel, f"neurosync.v1.{BY_NAME[name].service}") == "SERVING"
    async with dial(stack.addresses["orchestrator"]) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await finished_turn(channel, credentials("another token"))
        assert refused.value.code() is grpc.StatusCode.UNAUTHENTICATED
        finished = await finished_turn(channel, credentials(TOKEN))
    assert finished.outcome == outcome_pb2.TURN_OUTCOME_COMPLETED, finished.message
    assert finished.heard_text == TEXT
    assert finished.heard_sample_count > 0
    assert "face" in finished.providers
