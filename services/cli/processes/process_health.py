"""Whether a service at an address is serving, asked through gRPC's health service."""

from __future__ import annotations

from services.common.errors import UnavailableError
from services.serving.dialing import dial
from services.serving.probe import SERVING, health_of


async def is_healthy(address: str, service: str, *, seconds: float = 1.0) -> bool:
    """Return whether a server at `address` reports that `service` is serving; empty: that its process lives."""
    async with dial(address) as channel:
        try:
            return await health_of(channel, service, timeout=seconds) == SERVING
        except UnavailableError:
            return False
