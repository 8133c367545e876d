"""The command lines that the services are started with."""

from __future__ import annotations

import importlib
import sys
from dataclasses import replace

import pytest

from services.cli.processes.service_process import SERVICES, ServiceProcess, service_named

ADDRESSES = {service.name: f"127.0.0.1:{service.port}" for service in SERVICES}


def test_a_service_is_run_with_its_address_as_a_flag() -> None:
    assert service_named("face").command(ADDRESSES) == [
        *(sys.executable, "-m", "services.face"),
        *("--listen=127.0.0.1:50053", "--exit-with-parent"),
    ]


def test_the_orchestrator_is_given_the_addresses_of_the_services_that_run() -> None:
    command = service_named("orchestrator").command({**ADDRESSES, "face": "127.0.0.1:7"})
    assert {"--llm=127.0.0.1:50051", "--tts=127.0.0.1:50052", "--face=127.0.0.1:7", "--player=127.0.0.1:50054"} < set(
        command
    )


def test_another_module_and_flags_of_its_own_replace_the_usual_ones() -> None:
    player = replace(service_named("player"), module="bench.simulated_player", flags={"targets": "127.0.0.1:9"})
    assert player.command(ADDRESSES)[2:] == [
        "bench.simulated_player",
        "--listen=127.0.0.1:50054",
        "--exit-with-parent",
        "--targets=127.0.0.1:9",
    ]
    assert "--face=127.0.0.1:1" in replace(service_named("orchestrator"), flags={"face": "127.0.0.1:1"}).command(
        ADDRESSES
    )


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
def test_every_service_takes_the_flags_that_it_is_started_with(
    service: ServiceProcess, capsys: pytest.CaptureFixture[str]
) -> None:
    module = importlib.import_module(f"services.{service.name}.__main__")
    with pytest.raises(SystemExit) as ended:
        module.main([*service.command(ADDRESSES)[3:], "--help"], program=f"neurosync serve {service.name}")
    assert ended.value.code == 0
    assert f"usage: neurosync serve {service.name} " in capsys.readouterr().out
