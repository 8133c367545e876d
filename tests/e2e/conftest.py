"""The real processes, started as a user starts them, on free ports."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
RECEIVER = ROOT / "tests" / "livelink_receiver.py"


def free_udp_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass(frozen=True)
class RunningStack:
    """`neurosync up`, and what a command needs to find it."""

    process: subprocess.Popen[str]
    addresses: dict[str, str]
    udp_port: int
    environment: Mapping[str, str]

    def command(self, *arguments: str, timeout: float = 90) -> subprocess.CompletedProcess[str]:
        """Run `neurosync ARGUMENTS` to its end."""
        return subprocess.run(
            [sys.executable, "-m", "services.cli", *arguments],
            env=self.environment,
            cwd=ROOT,
            timeout=timeout,
            capture_output=True,
            text=True,
            check=False,
        )

    def receiver(self, seconds: float) -> subprocess.Popen[str]:
        """Listen as Unreal would, for a while; its last line is JSON."""
        return subprocess.Popen(
            [sys.executable, str(RECEIVER), "--port", str(self.udp_port), "--seconds", str(seconds), "--json"],
            stdout=subprocess.PIPE,
            text=True,
        )


def start_stack() -> RunningStack:
    """Start `neurosync up` and wait until it is healthy."""
    udp_port = free_udp_port()
    environment = os.environ | {
        "NEUROSYNC_PLAYER_TARGETS": f"127.0.0.1:{udp_port}",
        "NEUROSYNC_PLAYER_OUTPUT": "none",
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "services.cli", "up", "--free-ports", "--json"],
        env=environment,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line, f"`neurosync up` ended with {process.wait(10)}"
    addresses: dict[str, str] = json.loads(line)
    client = {f"NEUROSYNC_CLIENT_{name.upper()}": addresses[name] for name in ("orchestrator", "face", "player")}
    return RunningStack(process, addresses, udp_port, environment | client)


def end_stack(stack: RunningStack) -> int:
    """End it as Ctrl-C does and return its exit status."""
    if stack.process.poll() is None:
        stack.process.send_signal(signal.SIGINT)
    try:
        return stack.process.wait(10)
    finally:
        stack.process.kill()
        if stack.process.stdout is not None:
            stack.process.stdout.close()


@pytest.fixture(scope="session")
def stack() -> Iterator[RunningStack]:
    running = start_stack()
    yield running
    end_stack(running)
