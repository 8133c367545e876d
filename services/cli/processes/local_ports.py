"""TCP ports of this machine: one that is free, and whether one is in use."""

from __future__ import annotations

import socket

CONNECT_SECONDS = 0.5  # on this machine it takes none


def free_port() -> int:
    """Return a port that is not in use now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def is_port_taken(port: int) -> bool:
    """Return whether something on this machine listens on a port."""
    with socket.socket() as probe:
        probe.settimeout(CONNECT_SECONDS)
        return probe.connect_ex(("127.0.0.1", port)) == 0
