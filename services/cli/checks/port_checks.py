"""What `neurosync doctor` finds about ports: those that the services take, and those that the face is sent to."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from services.cli.checks.machine_checks import Check, State
from services.cli.processes.stack import PARTS, Part, is_healthy
from services.common.addresses import is_loopback

LIVE_LINK_PORT = 11111  # where Unreal listens
_CONNECT_SECONDS = 0.5  # on this machine it takes none
_REFUSAL_SECONDS = 0.3  # for the answer of a machine that refuses; one in the same network takes a thousandth
MEND_TARGETS = "mend NEUROSYNC_PLAYER_TARGETS or LIVELINK_UDP_IP"
_ONLY_HERE = " (only on this machine)"
FIREWALL_RULE = "netsh advfirewall firewall add rule name=LiveLink dir=in action=allow protocol=UDP localport={port}"
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
    targets = list(targets)
    checks = [_check_target(target) for target in targets]
    addresses = Counter(map(split_target, targets))
    twice = [f"{host}:{port}" for (host, port), count in addresses.items() if count > 1]
    if twice:
        advice = "name each target once in NEUROSYNC_PLAYER_TARGETS: every frame arrives there twice"
        checks.append(Check("targets", State.NOTE, f"{twice[0]} is named twice", advice))
    return checks


def _check_target(target: str) -> Check:
    host, port = split_target(target)
    name = f"UDP {target if ':' in target else f'{target}:{port}'}"
    if not host or not 0 < port < 65_536:
        return Check(name, State.PROBLEM, "no HOST or HOST:PORT", MEND_TARGETS)
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
        with socket.socket(family, kind, protocol) as trial:
            trial.bind(address)  # without sharing: fails if anybody has the port, Unreal included
    except socket.gaierror as error:
        return Check(name, State.PROBLEM, f"no such host: {error.strerror}", MEND_TARGETS)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            found = "somebody listens: Unreal, or `neurosync monitor`, gets the face"
            return Check(name, State.OK, found + (_ONLY_HERE if is_loopback(host) else ""))
        return _check_remote(name, family, address, port)
    advice = "in Unreal add the Live Link source of the Live Link Face app (ARKit), or run `neurosync monitor` to look"
    if is_loopback(host):
        advice += f"; Unreal on another machine gets nothing: NEUROSYNC_PLAYER_TARGETS=ITS-ADDRESS:{port}"
    return Check(name, State.NOTE, "nobody listens: the face is sent, and nobody sees it", advice)


def _check_remote(name: str, family: int, address: Any, port: int) -> Check:
    """Look at a target on another machine: an empty datagram, which Unreal skips, tells whether it is refused."""
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.settimeout(_REFUSAL_SECONDS)
            probe.connect(address)
            probe.send(b"")
            probe.recv(1)
    except TimeoutError:
        advice = f"if nothing moves, let UDP {port} in there: {FIREWALL_RULE.format(port=port)} (Windows)"
        return Check(name, State.OK, "another machine, which does not refuse; from here nobody can see more", advice)
    except (ConnectionRefusedError, ConnectionResetError):  # the second as Windows says it
        advice = "add the Live Link source in Unreal there, or mend the port"
        return Check(name, State.NOTE, "that machine says that nobody listens", advice)
    except OSError as error:
        advice = "is that machine on, and in the same network? " + MEND_TARGETS
        return Check(name, State.NOTE, f"cannot be reached: {error.strerror}", advice)
    return Check(name, State.OK, "another machine, and something there answers")


def split_target(target: str) -> tuple[str, int]:
    """Return the host and the port of HOST or HOST:PORT."""
    host, separator, port = target.rpartition(":")
    if not separator or not port.isdecimal():
        return target, LIVE_LINK_PORT
    return host.strip("[]"), int(port)


def resolved(target: str) -> tuple[str, int]:
    """Return the address and the port of a target; its name where it has no address."""
    host, port = split_target(target)
    try:
        address = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0][4]
    except OSError:
        return host, port
    return str(address[0]), port


def _is_taken(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(_CONNECT_SECONDS)
        return probe.connect_ex(("127.0.0.1", port)) == 0
