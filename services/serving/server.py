"""Life cycle of a gRPC server: the port, the interceptor, health, reflection, and draining at shutdown.

A service is a class with `name`, `register`, `warm_up` and `close`; `running` serves it for the length of a block,
`services.serving.process` until a signal:

    async with running(FaceService(settings), settings) as server:
        channel = dial(server.address)
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import socket
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from services.common.errors import ConfigurationError, NeuroSyncError, UnavailableError
from services.common.settings import ServerSettings
from services.serving.guard import Guard

logger = logging.getLogger(__name__)

_OPTIONS: tuple[tuple[str, int], ...] = (
    ("grpc.so_reuseport", 0),  # a port in use is an error; two servers must not share its calls
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.min_recv_ping_interval_without_data_ms", 30_000),
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.keepalive_timeout_ms", 20_000),
    ("grpc.max_concurrent_streams", 1_000),  # per connection; further calls of the client wait in its connection
)
_SERVING = health_pb2.HealthCheckResponse.SERVING
_NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


class Service(Protocol):
    """A gRPC service with its life cycle."""

    name: str
    """Full name, such as `neurosync.v1.FaceService`."""

    def register(self, server: grpc.aio.Server) -> None:
        """Add the handlers to `server`."""

    async def warm_up(self) -> None:
        """Load models and run them once; the service is reported as serving when this returns."""

    async def close(self) -> None:
        """Release all resources; called once, after the last call."""


@dataclass(frozen=True)
class RunningServer:
    """A server that accepts calls."""

    address: str
    """Address to dial, host and port."""
    warm: asyncio.Task[None]
    """Completes when the service is ready for its first call."""


@contextlib.asynccontextmanager
async def running(service: Service, settings: ServerSettings) -> AsyncIterator[RunningServer]:
    """Serve until the block ends, then drain for at most `settings.shutdown_grace` seconds.

    Health: the empty name is serving from the start, the name of the service once it is warm; neither is while the
    server drains.

    Raises:
        UnavailableError: The port is in use, or the host is not an address of this machine.
        ConfigurationError: The certificate cannot be used.
    """
    options = list(_OPTIONS)
    if settings.max_connection_age:
        options.append(("grpc.max_connection_age_ms", round(settings.max_connection_age * 1000)))
    server = grpc.aio.server(interceptors=[Guard(settings.token, settings.max_open_calls)], options=options)
    service.register(server)
    servicer = health.aio.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
    names = (service.name, health.SERVICE_NAME, reflection.SERVICE_NAME)
    reflection.enable_server_reflection(names, server)
    try:
        address = _bind(server, settings)
        await servicer.set("", _SERVING)
        await servicer.set(service.name, _NOT_SERVING)
        await server.start()
        logger.info("listening name=%s address=%s", service.name, address)
        warming = asyncio.create_task(_warm_up(service, servicer), name=f"warm up {service.name}")
        try:
            yield RunningServer(address, warming)
        finally:
            warming.cancel()
            await servicer.enter_graceful_shutdown()
            await server.stop(settings.shutdown_grace)
            await asyncio.wait({warming}, timeout=settings.shutdown_grace)
    finally:
        await service.close()
        logger.info("stopped name=%s", service.name)


async def _warm_up(service: Service, servicer: health.aio.HealthServicer) -> None:
    started = time.monotonic()
    await service.warm_up()
    await servicer.set(service.name, _SERVING)
    logger.info("ready name=%s seconds=%.2f", service.name, time.monotonic() - started)


def _bind(server: grpc.aio.Server, settings: ServerSettings) -> str:
    """Bind the port, with TLS if certificates are set; return the address with the actual port."""
    try:
        if settings.tls_certificate is None or settings.tls_key is None:
            port = server.add_insecure_port(settings.listen)
        else:
            authority = settings.tls_client_authority
            chain = (settings.tls_key.read_bytes(), settings.tls_certificate.read_bytes())
            credentials = grpc.ssl_server_credentials(
                [chain], authority.read_bytes() if authority else None, require_client_auth=authority is not None
            )
            port = server.add_secure_port(settings.listen, credentials)
    except RuntimeError as error:
        raise _bind_error(settings) from error
    except OSError as error:
        raise ConfigurationError(f"cannot read a certificate: {error}") from error
    return f"{settings.listen.rpartition(':')[0]}:{port}"


def _bind_error(settings: ServerSettings) -> NeuroSyncError:
    """Return the reason why binding failed, found by binding a plain socket: gRPC does not report it."""
    host, _, port = settings.listen.rpartition(":")
    try:
        found = socket.getaddrinfo(
            host.strip("[]") or None, int(port), type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        family, *_, address = found[0]
        with socket.socket(family, socket.SOCK_STREAM) as trial:
            trial.bind(address)
            trial.listen()
    except OSError as error:
        reason = ": is another process using the port?" if error.errno == errno.EADDRINUSE else f": {error.strerror}"
        return UnavailableError(f"cannot listen on {settings.listen}{reason}")
    if settings.tls_certificate:
        return ConfigurationError(
            f"cannot use the certificate {settings.tls_certificate}: expected PEM files that belong together"
        )
    return UnavailableError(f"cannot listen on {settings.listen}; start it with GRPC_VERBOSITY=debug to see why")
