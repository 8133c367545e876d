"""Services as child processes: what is reported of one that does not start."""

from __future__ import annotations

import socket
from dataclasses import replace

import pytest

from services.cli.processes.service_process import ServiceProcess, service_named
from services.cli.processes.stack import Stack, started
from services.common.errors import UnavailableError


def stack_of(service: ServiceProcess, *, free_ports: bool = True) -> Stack:
    return Stack(notify=lambda _: None, services=[service], free_ports=free_ports)


async def test_a_process_that_ends_at_its_start_is_an_error_with_the_end_of_its_log() -> None:
    service = replace(service_named("orchestrator"), dials=(), flags={"sample_rate": "high"})
    with pytest.raises(UnavailableError, match=r"orchestrator ended with status 2; the end of its log:\n +error: .*"):
        async with started(stack_of(service)):
            pass


async def test_a_taken_port_is_an_error_before_anything_is_started() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        service = replace(service_named("face"), port=taken.getsockname()[1])
        with pytest.raises(UnavailableError, match=f"127.0.0.1:{service.port} is in use: .*--free-ports"):
            async with started(stack_of(service, free_ports=False)):
                pass


async def test_a_stack_that_was_stopped_leaves_no_process() -> None:
    stack = stack_of(replace(service_named("orchestrator"), dials=()))
    async with started(stack):
        process = stack._processes[0]
        assert process.is_running
        assert stack.pid("orchestrator") > 0
    assert not process.is_running
