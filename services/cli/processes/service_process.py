"""The five services as processes: name, port, and the command line that runs each."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field

from services.serving.flags import flags_for


@dataclass(frozen=True)
class ServiceProcess:
    """How one service is run as a process."""

    name: str
    port: int
    """Usual port on this machine."""
    service: str
    """Name in `grpc.health.v1`."""
    module: str = ""
    """Module to run; empty: the service of that name."""
    dials: tuple[str, ...] = ()
    """Names of the services that it calls; each address is passed as the flag of that name."""
    flags: Mapping[str, object] = field(default_factory=dict)
    """Further settings by name; they win over those that the supervisor chooses."""

    def command(self, addresses: Mapping[str, str]) -> list[str]:
        """Return the command line of the process, where `addresses` has the address of every service by name."""
        flags: dict[str, object] = {"listen": addresses[self.name], "exit_with_parent": True}
        flags |= {name: addresses[name] for name in self.dials if name in addresses}
        module = self.module or f"services.{self.name}"
        return [sys.executable, "-m", module, *flags_for(flags | dict(self.flags))]


SERVICES = (
    ServiceProcess("llm", 50051, "neurosync.v1.LanguageModelService"),
    ServiceProcess("tts", 50052, "neurosync.v1.SpeechService"),
    ServiceProcess("face", 50053, "neurosync.v1.FaceService"),
    ServiceProcess("player", 50054, "neurosync.v1.PlayerService"),
    ServiceProcess("orchestrator", 50050, "neurosync.v1.OrchestratorService", dials=("llm", "tts", "face", "player")),
)
"""All services, each after those that it calls."""


def service_named(name: str) -> ServiceProcess:
    """Return the service `name`, such as "face"."""
    return next(service for service in SERVICES if service.name == name)
