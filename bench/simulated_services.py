"""All services as `neurosync up` runs them, with the player on a simulated sound device."""

from __future__ import annotations

from dataclasses import replace

from services.cli.processes.service_process import SERVICES, ServiceProcess


def with_simulated_player(**settings: object) -> list[ServiceProcess]:
    """Return the services; `settings` are those of the player."""
    return [
        replace(service, module="bench.simulated_player", flags=settings) if service.name == "player" else service
        for service in SERVICES
    ]
