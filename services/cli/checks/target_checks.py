"""Checks of the UDP targets that the player sends the face to: addresses that exist, with something that listens."""

from __future__ import annotations

import errno
import socket
from collections import Counter
from collections.abc import Iterable

from services.cli.checks.check import Check, State
from services.common.addresses import (
    LIVE_LINK_PORT,
    LIVE_LINK_SCHEME,
    Address,
    Endpoint,
    is_loopback,
    parse_address,
    resolve_udp,
    split_scheme,
)
from services.common.errors import BadRequestError

DEFAULT_TARGETS = (f"127.0.0.1:{LIVE_LINK_PORT}",)
FIREWALL_RULE = "netsh advfirewall firewall add rule name=LiveLink dir=in action=allow protocol=UDP localport={port}"
CORRECT_TARGETS = "correct NEUROSYNC_PLAYER_TARGETS or LIVELINK_UDP_IP"
_REFUSAL_SECONDS = 0.3  # for the answer of a machine that refuses; one in the same network takes a thousandth


def target_address(target: str) -> Address:
    """Return the address of a target, `HOST`, `HOST:PORT` or `SCHEME://HOST:PORT`.

    Raises:
        BadRequestError: It is none of these.
    """
    return parse_address(split_scheme(target)[1], field="target", default_port=LIVE_LINK_PORT)


def is_live_link(target: str) -> bool:
    """Return whether a target gets Live Link datagrams, as Unreal does."""
    return split_scheme(target)[0] == LIVE_LINK_SCHEME


def resolved_target(target: str) -> Address:
    """Return the numeric address of a target; its name where it has none.

    Raises:
        BadRequestError: It is neither HOST nor HOST:PORT.
    """
    address = target_address(target)
    try:
        host, port = resolve_udp(address).sockaddr[:2]
    except OSError:
        return address
    return Address(str(host), int(port))


def check_targets(targets: Iterable[str] = DEFAULT_TARGETS) -> list[Check]:
    """Check whether anything listens where the player sends the face."""
    checks: list[Check] = []
    addresses: Counter[Address] = Counter()
    for target in targets:
        try:
            address = target_address(target)
        except BadRequestError as error:
            checks.append(Check(f"UDP {target}", State.PROBLEM, str(error), CORRECT_TARGETS))
            continue
        addresses[address] += 1
        if is_live_link(target):
            checks.append(_check_target(address))
        else:
            checks.append(Check(f"target {target}", State.OK, "no Live Link: whether it is received is not checked"))
    twice = [address for address, count in addresses.items() if count > 1]
    if twice:
        advice = "name each target once in NEUROSYNC_PLAYER_TARGETS: every frame arrives there twice"
        checks.append(Check("targets", State.NOTE, f"{twice[0]} is named twice", advice))
    return checks


def _check_target(address: Address) -> Check:
    name = f"UDP {address}"
    try:
        endpoint = resolve_udp(address)
        with socket.socket(endpoint.family, endpoint.kind, endpoint.protocol) as trial:
            trial.bind(endpoint.sockaddr)  # without sharing: fails if any program has the port, Unreal included
    except socket.gaierror as error:
        return Check(name, State.PROBLEM, f"no such host: {error.strerror}", CORRECT_TARGETS)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            reach = " (only on this machine)" if is_loopback(address.host) else ""
            return Check(name, State.OK, f"a program listens there: Unreal or `neurosync monitor` gets the face{reach}")
        return _check_remote(name, endpoint, address.port)
    advice = "in Unreal add the source of the Live Link Face app (ARKit), or run `neurosync monitor` to see the face"
    if is_loopback(address.host):
        advice += f"; for Unreal on another machine set NEUROSYNC_PLAYER_TARGETS=ITS-ADDRESS:{address.port}"
    return Check(name, State.NOTE, "no program listens there, so the face that is sent is not seen", advice)


def _check_remote(name: str, endpoint: Endpoint, port: int) -> Check:
    """Check a target on another machine: whether it refuses an empty datagram, which Unreal skips."""
    try:
        with socket.socket(endpoint.family, endpoint.kind, endpoint.protocol) as probe:
            probe.settimeout(_REFUSAL_SECONDS)
            probe.connect(endpoint.sockaddr)
            probe.send(b"")
            probe.recv(1)
    except TimeoutError:
        advice = f"if the face there does not move, allow UDP {port} in its firewall: " + (
            f"{FIREWALL_RULE.format(port=port)} (Windows)"
        )
        return Check(name, State.OK, "another machine, which does not refuse; more cannot be seen from here", advice)
    except (ConnectionRefusedError, ConnectionResetError):  # the second on Windows
        advice = "add the Live Link source in Unreal there, or correct the port"
        return Check(name, State.NOTE, "that machine refuses: no program listens there", advice)
    except OSError as error:
        advice = f"is that machine on, and in the same network? {CORRECT_TARGETS}"
        return Check(name, State.NOTE, f"cannot be reached: {error.strerror}", advice)
    return Check(name, State.OK, "another machine, and something there answers")
