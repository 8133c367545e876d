"""All services as processes on free ports, with time limits short enough for tests."""

from __future__ import annotations

import contextlib
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from services.cli.processes.service_process import SERVICES

ROOT = Path(__file__).parents[2]
START_SECONDS = 90.0
INACTIVITY = 1.0
"""Seconds after which face and player end the call of a silent client."""
OPTIONS = (("grpc.enable_http_proxy", 0), ("grpc.use_local_subchannel_pool", 1))


@dataclass
class Server:
    """A service process."""

    name: str
    service: str
    address: str
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def megabytes(self) -> float:
        """Resident memory of the process."""
        status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        found = re.search(r"VmRSS:\s+(\d+) kB", status)
        assert found is not None, f"{self.name} has ended with {self.process.poll()}"
        return int(found[1]) / 1024

    def channel(self) -> grpc.Channel:
        """Return a new connection."""
        return grpc.insecure_channel(self.address, options=OPTIONS)

    def logged_errors(self) -> list[str]:
        """Return the lines of its log that show a defect."""
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        return [
            line for line in lines if " ERROR " in line or line.startswith("Traceback") or "never retrieved" in line
        ]

    def is_serving(self) -> bool:
        """Return whether its health is SERVING."""
        with self.channel() as channel:
            stub: Any = health_pb2_grpc.HealthStub(channel)
            try:
                answer = stub.Check(health_pb2.HealthCheckRequest(service=self.service), timeout=1)
            except grpc.RpcError:
                return False
            return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)


@contextlib.contextmanager
def running_services(folder: Path) -> Iterator[dict[str, Server]]:
    """Run all five services; the player has no sound device, and its datagrams are discarded."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as discard:
        discard.bind(("127.0.0.1", 0))
        addresses = {part.name: f"127.0.0.1:{_free_port()}" for part in SERVICES}
        environment = {name: value for name, value in os.environ.items() if not name.startswith("NEUROSYNC_")}
        environment |= {
            "PYTHONPATH": str(ROOT),
            "NEUROSYNC_LOG_LEVEL": "WARNING",
            "NEUROSYNC_EXIT_WITH_PARENT": "1",
            "LLM_PROVIDER": "embedded",
            "TTS_PROVIDER": "hibari",
            "NEUROSYNC_PLAYER_OUTPUT": "none",
            "NEUROSYNC_PLAYER_TARGETS": f"127.0.0.1:{discard.getsockname()[1]}",
            "NEUROSYNC_PLAYER_INACTIVITY": str(INACTIVITY),
            "NEUROSYNC_FACE_INACTIVITY": str(INACTIVITY),
        }
        environment |= {f"NEUROSYNC_{name.upper()}_LISTEN": address for name, address in addresses.items()}
        environment |= {f"NEUROSYNC_ORCHESTRATOR_{name.upper()}": address for name, address in addresses.items()}
        environment["NEUROSYNC_ORCHESTRATOR_LISTEN"] = addresses["orchestrator"]
        del environment["NEUROSYNC_ORCHESTRATOR_ORCHESTRATOR"]
        servers: dict[str, Server] = {}
        try:
            for part in SERVICES:
                log = folder / f"{part.name}.log"
                with log.open("wb") as sink:
                    process = subprocess.Popen(
                        [sys.executable, "-m", f"services.{part.name}"],
                        cwd=folder, env=environment, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=sink,
                    )  # fmt: skip
                servers[part.name] = Server(part.name, part.service, addresses[part.name], process, log)
            until = time.monotonic() + START_SECONDS
            for server in servers.values():
                while not server.is_serving():
                    assert server.process.poll() is None and time.monotonic() < until, server.log.read_text()
                    time.sleep(0.1)
            yield servers
        finally:
            for server in servers.values():
                server.process.terminate()
            for server in servers.values():
                try:
                    server.process.wait(10)
                except subprocess.TimeoutExpired:
                    server.process.kill()
                    server.process.wait(10)
                assert server.process.stdin is not None
                server.process.stdin.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
