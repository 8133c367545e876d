"""Checks of the TCP ports of the services: free, taken by the service itself, or by something else."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from services.cli.checks.check import Check, State
from services.cli.processes.local_ports import is_port_taken
from services.cli.processes.process_health import is_healthy
from services.cli.processes.service_process import SERVICES, ServiceProcess


async def check_ports(services: Sequence[ServiceProcess] = SERVICES) -> list[Check]:
    """Check what listens on the ports of the services."""
    return list(await asyncio.gather(*(_check_port(service) for service in services)))


async def _check_port(service: ServiceProcess) -> Check:
    name = f"port {service.port}"
    if await is_healthy(f"127.0.0.1:{service.port}", service.service):
        return Check(name, State.OK, f"the {service.name} of NeuroSync answers: it is running")
    if not await asyncio.to_thread(is_port_taken, service.port):
        return Check(name, State.OK, f"free for {service.name}")
    advice = "if NeuroSync is just starting, wait; else end that program, or run `neurosync up --free-ports`"
    return Check(name, State.PROBLEM, f"taken by something that is no ready {service.name}", advice)
