"""One set of service processes for all tests of abuse, which must survive every test."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

from tests.abuse.processes import Server, running_services


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Server]]:
    if sys.platform != "linux":
        pytest.skip("memory is read from /proc")
    with running_services(tmp_path_factory.mktemp("abuse")) as running:
        yield running
        assert not {name: server.logged_errors() for name, server in running.items() if server.logged_errors()}
