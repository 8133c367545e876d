"""What `neurosync doctor` finds about ports: those that the services take, and those that the face is sent to."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Iterable, Sequence

from services.cli.checks import Check, State
from services.cli.stack import PARTS, Part, is_healthy

LIVE_LINK_PORT = 11111  # where Unreal listens
_CONNECT_SECONDS = 0.5  # on this machine it takes none
DEFAULT_TARGETS = (f"127.0.0.1:{LIVE_LINK_PORT}",)


async def check_ports(parts: Sequence[Part] = PARTS) -> list[Check]:
    """Look who has the ports of the services."""
    return list(await asyncio.gather(*(_check_port(part) for part in parts)))


async def _check_port(part: Part) -> Check:
    address = f"127.0.0.1:{part.port}"
    name = f"port {part.port}"
    if await is_healthy(address, part.service):
        return Check(name, State.OK, f"the {part.name} of NeuroSync answers: it is running")
    if not await asyncio.to_thread(_is_taken, part.port):
        return Check(name, State.OK, f"free for {part.name}")
    advice = "if NeuroSync is just starting, wait; else end that program, or run `neurosync up --free-ports`"
    return Check(name, State.PROBLEM, f"taken by something that is no ready {part.name}", advice)


def check_targets(targets: Iterable[str] = DEFAULT_TARGETS) -> list[Check]:
    """Look whether anybody listens where the player sends the face: `HOST` or `HOST:PORT` each."""
    return [_check_target(target) for target in targets]


def _check_target(target: str) -> Check:
    host, port = split_target(target)
    name = f"UDP {target if ':' in target else f'{target}:{port}'}"
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
        with socket.socket(family, kind, protocol) as trial:
            trial.bind(address)  # without sharing: fails if anybody has the port, Unreal included
    except socket.gaierror as error:
        advice = "mend NEUROSYNC_PLAYER_TARGETS or LIVELINK_UDP_IP"
        return Check(name, State.PROBLEM, f"no such host: {error.strerror}", advice)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            return Check(name, State.OK, "somebody listens: Unreal, or `neurosync monitor`, gets the face")
        return Check(name, State.OK, "another machine: the face is sent there; from here nobody can see who listens")
    advice = "in Unreal add the Live Link source of the Live Link Face app (ARKit), or run `neurosync monitor` to look"
    return Check(name, State.NOTE, "nobody listens: the face is sent, and nobody sees it", advice)


def split_target(target: str) -> tuple[str, int]:
    """Return the host and the port of HOST or HOST:PORT."""
    host, separator, port = target.rpartition(":")
    if not separator or not port.isdecimal():
        return target, LIVE_LINK_PORT
    return host.strip("[]"), int(port)


def _is_taken(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(_CONNECT_SECONDS)
        return probe.connect_ex(("127.0.0.1", port)) == 0
