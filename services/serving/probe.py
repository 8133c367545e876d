"""A client of gRPC health checks, as a function and as a command for containers and people.

python -m services.serving.probe 127.0.0.1:50053 neurosync.v1.FaceService

prints the status and exits with 0 if it is SERVING, else with 1. Health checks need no token.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path
from typing import Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from services.common.errors import NeuroSyncError, UnavailableError
from services.serving.dialing import dial

TIMEOUT = 3.0
"""Seconds to wait for the answer. Larger: busy machines pass; smaller: a dead server is found sooner."""
SERVING = "SERVING"


async def health_of(channel: grpc.aio.Channel, service: str = "", *, timeout: float = TIMEOUT) -> str:  # noqa: ASYNC109
    """Return the health of a server, such as "SERVING" or "NOT_SERVING".

    Args:
        channel: Channel to the server.
        service: Full name of the service, which serves once it is warm; empty: the process, which serves while it runs.
        timeout: Seconds to wait for the answer.

    Raises:
        UnavailableError: No server answered in time, or it has no such service.
    """
    request = health_pb2.HealthCheckRequest(service=service)
    stub: Any = health_pb2_grpc.HealthStub(channel)
    try:
        response = await stub.Check(request, timeout=timeout)
    except grpc.aio.AioRpcError as error:
        raise UnavailableError(f"no health: {error.code().name}: {error.details()}") from error
    return health_pb2.HealthCheckResponse.ServingStatus.Name(response.status)


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return 0 if the service is serving, 1 if not."""
    options = _parser().parse_args(arguments)
    try:
        answer = asyncio.run(_probe(options))
    except NeuroSyncError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    sys.stdout.write(f"{answer}\n")
    return 0 if answer == SERVING else 1


async def _probe(options: argparse.Namespace) -> str:
    files = {name: getattr(options, name) for name in ("authority", "certificate", "key")}
    async with dial(options.address, **files) as channel:
        return await health_of(channel, options.service, timeout=options.timeout)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m services.serving.probe",
        description="Print the health of a server; exit with 0 if it is SERVING, else with 1.",
    )
    parser.add_argument("address", help="address of the server, HOST:PORT")
    parser.add_argument("service", nargs="?", default="", help="full name of the service; default: the whole process")
    parser.add_argument("--timeout", type=float, default=TIMEOUT, help="seconds to wait (default: %(default)s)")
    parser.add_argument("--authority", type=Path, help="PEM certificate of the server's authority; enables TLS")
    parser.add_argument("--certificate", type=Path, help="PEM client certificate, for mutual TLS")
    parser.add_argument("--key", type=Path, help="PEM private key of the client certificate")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
