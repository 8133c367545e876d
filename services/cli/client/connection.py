"""Connect to a service: to the one that runs, or, if none answers, to one started for the length of a command."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

import grpc

from services.cli.processes.process_health import is_healthy
from services.cli.processes.service_process import SERVICES, ServiceProcess, service_named
from services.cli.processes.stack import Stack, started
from services.cli.settings import ClientSettings
from services.cli.terminal.notices import notify
from services.common.addresses import is_loopback
from services.common.errors import UnavailableError
from services.serving.dialing import Metadata, credentials, dial


@dataclass(frozen=True)
class Connection:
    """A channel to a service, and what every call on it must carry."""

    channel: grpc.aio.Channel
    metadata: Metadata
    """The token, if the service wants one."""
    address: str
    """Where the service listens."""
    own: bool
    """True if the service was started for this command and ends with it."""
    player: str = ""
    """Address of the player that belongs to the service."""


@contextlib.asynccontextmanager
async def reach(
    name: str,
    settings: ClientSettings,
    *,
    start: bool = True,
) -> AsyncIterator[Connection]:
    """Connect to the service `name` for the length of a block.

    Args:
        name: "orchestrator" (with all it needs), "face" or "player".
        settings: Where it should be.
        start: Whether to start it here if no service answers there.

    Raises:
        UnavailableError: No service answers, and it cannot or must not be started.
    """
    address = getattr(settings, name)
    service = service_named(name)
    metadata = credentials(settings.token.get_secret_value() if settings.token else None)
    async with contextlib.AsyncExitStack() as resources:
        player = settings.player
        own = False
        if not await _answers(address, service, settings):
            if not start or not is_loopback(address.rpartition(":")[0]):
                raise UnavailableError(f"no {name} answers at {address}; `neurosync up` starts one on this machine")
            notify(f"no {name} answers at {address}: starting one for this command")
            services: Sequence[ServiceProcess] = SERVICES if service.dials else (service,)
            stack = await resources.enter_async_context(
                started(Stack(notify=notify, services=services, free_ports=True))
            )
            address, own = stack.addresses[name], True
            player = stack.addresses.get("player", player)
        channel = dial(address) if own else _dial(address, settings)
        resources.push_async_callback(channel.close)
        yield Connection(channel, metadata, address, own, player)


@contextlib.asynccontextmanager
async def player_beside(connection: Connection, settings: ClientSettings) -> AsyncIterator[Connection]:
    """Dial the player that belongs to the service of `connection`, for the length of a block."""
    address = connection.player
    channel = dial(address) if connection.own else _dial(address, settings)
    try:
        yield Connection(channel, connection.metadata, address, own=False, player=address)
    finally:
        await channel.close()


def _dial(address: str, settings: ClientSettings) -> grpc.aio.Channel:
    return dial(address, authority=settings.tls_authority, certificate=settings.tls_certificate, key=settings.tls_key)


async def _answers(address: str, service: ServiceProcess, settings: ClientSettings) -> bool:
    """Return whether the service is there; over TLS the health check is left to the call itself."""
    return settings.tls_authority is not None or await is_healthy(address, service.service)
