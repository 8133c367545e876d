"""Fixtures of the player's tests."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from tests.player.served_player import Unreal


@pytest.fixture
def unreal() -> Iterator[Unreal]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.setblocking(False)
        yield Unreal(sock)
