"""Reach a service: the one that runs, or, where none answers, one started for the length of a command."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass

import grpc

from services.cli.processes.stack import PARTS, Part, Stack, is_healthy, started
from services.cli.settings import ClientSettings
from services.common.addresses import is_loopback
from services.common.errors import UnavailableError
from services.serving.dialing import Metadata, credentials, dial


@dataclass(frozen=True)
class Connection:
    """A channel and what every call on it must carry."""

    channel: grpc.aio.Channel
    metadata: Metadata
    address: str
    own: bool
    """True if the service was started for this command and ends with it."""
    player: str = ""
    """Where the player is that belongs to the service."""


@contextlib.asynccontextmanager
async def reach(
    name: str,
    settings: ClientSettings,
    *,
    tell: Callable[[str], None],
    start: bool = True,
    verbose: bool = False,
) -> AsyncIterator[Connection]:
    """Connect to the service `name` for the length of a block.

    Args:
        name: "orchestrator" (with all it needs), "face" or "player".
        settings: Where it should be.
        tell: Shows a line to the user.
        start: Whether to start it here if nobody answers there.
        verbose: Whether to show what started processes log.

    Raises:
        UnavailableError: It is away, and cannot or must not be started.
    """
    address = getattr(settings, name)
    part = next(part for part in PARTS if part.name == name)
    metadata = credentials(settings.token.get_secret_value() if settings.token else None)
    async with contextlib.AsyncExitStack() as resources:
        player = settings.player
        own = False
        if not await _answers(address, part, settings):
            if not start or not is_loopback(address.rpartition(":")[0]):
                raise UnavailableError(f"no {name} answers at {address}; `neurosync up` starts one on this machine")
            tell(f"no {name} answers at {address}: starting one for this command")
            parts: Sequence[Part] = PARTS if name == "orchestrator" else (part,)
            stack = await resources.enter_async_context(
                started(Stack(tell=tell, parts=parts, free_ports=True, verbose=verbose))
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


async def _answers(address: str, part: Part, settings: ClientSettings) -> bool:
    """Return whether the service is there; over TLS the health check is left to the call itself."""
    return settings.tls_authority is not None or await is_healthy(address, part.service)
