"""The health probe as a command, with its output and exit status."""

from __future__ import annotations

import asyncio
import socket

import pytest
from pydantic import SecretStr

from services.serving.probe import main
from services.serving.server import running
from tests.serving.conftest import Certificates
from tests.serving.fake_service import NAME, FakeService, FakeSettings

OPEN = FakeSettings()


async def probe(*arguments: str) -> int:
    """Run the probe in a thread with an event loop of its own, as a process would."""
    return await asyncio.to_thread(main, list(arguments))


async def test_a_serving_service_ends_with_0(capsys: pytest.CaptureFixture[str]) -> None:
    async with running(FakeService(), FakeSettings(token=SecretStr("secret"))) as server:
        await server.warm
        assert await probe(server.address) == 0
        assert await probe(server.address, NAME) == 0
    assert capsys.readouterr().out == "SERVING\nSERVING\n"


async def test_a_service_that_is_not_warm_ends_with_1(capsys: pytest.CaptureFixture[str]) -> None:
    async with running(FakeService(warm=asyncio.Event().wait), OPEN) as server:  # type: ignore[arg-type]
        assert await probe(server.address, NAME) == 1
    assert capsys.readouterr().out == "NOT_SERVING\n"


async def test_an_unknown_service_ends_with_1(capsys: pytest.CaptureFixture[str]) -> None:
    async with running(FakeService(), OPEN) as server:
        assert await probe(server.address, "neurosync.v1.NoService") == 1
    assert "error: no health: NOT_FOUND" in capsys.readouterr().err


async def test_a_port_without_an_answer_ends_with_1_in_time(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # accepts connections and sends nothing
        async with asyncio.timeout(30):
            assert await probe(f"127.0.0.1:{silent.getsockname()[1]}", "--timeout", "0.2") == 1
    assert "error: no health: DEADLINE_EXCEEDED" in capsys.readouterr().err


async def test_a_server_with_mutual_tls_is_probed_with_a_certificate(certificates: Certificates) -> None:
    certificate, key = certificates.server
    settings = FakeSettings(tls_certificate=certificate, tls_key=key, tls_client_authority=certificates.authority)
    async with running(FakeService(), settings) as server:
        await server.warm
        files = ["--authority", str(certificates.authority)]
        assert await probe(server.address, "--timeout", "1", *files) == 1
        files += ["--certificate", str(certificates.client[0]), "--key", str(certificates.client[1])]
        assert await probe(server.address, NAME, *files) == 0
