"""Parsing and resolution of network addresses: `HOST`, `HOST:PORT`, `[IPv6]`, `[IPv6]:PORT` and bare IPv6."""

from __future__ import annotations

import ipaddress
import socket
from typing import NamedTuple

from services.common.errors import BadRequestError

LIVE_LINK_PORT = 11111
"""UDP port on which Unreal's Live Link Face source listens."""


LIVE_LINK_SCHEME = "livelink"
"""Scheme of a target of face frames that has none."""


class Address(NamedTuple):
    """A host, by name or number, and a port."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class Endpoint(NamedTuple):
    """A resolved UDP address, as the `socket` module takes it."""

    family: socket.AddressFamily
    kind: socket.SocketKind
    protocol: int
    sockaddr: tuple[str, int] | tuple[str, int, int, int] | tuple[int, bytes]


def parse_address(text: str, *, field: str, default_port: int | None = None) -> Address:
    """Parse an address.

    Args:
        text: `HOST`, `HOST:PORT`, `[IPv6]`, `[IPv6]:PORT`, or a bare IPv6 address, which cannot carry a port.
        field: Name of the value in errors.
        default_port: Port where none is given; None requires one.

    Raises:
        BadRequestError: `text` is none of these, or the port is out of range.
    """
    host, separator, port = text.strip().rpartition(":")
    if not separator or text.endswith("]") or _is_ipv6(text.strip()):
        host, port = text.strip(), "" if default_port is None else str(default_port)
    is_bracketed = host.startswith("[") and host.endswith("]")
    host = host[1:-1] if is_bracketed else host
    is_host = bool(host) and not any(character.isspace() or character in "[]/" for character in host)
    if not is_host or (":" in host and not _is_ipv6(host)) or not _is_port(port):
        wanted = "HOST:PORT" if default_port is None else "HOST or HOST:PORT"
        raise BadRequestError(field, text, f"{wanted} (an IPv6 address with a port in brackets)")
    return Address(host, int(port))


def split_scheme(target: str) -> tuple[str, str]:
    """Return scheme and address of a target of face frames, `HOST:PORT` or `SCHEME://HOST:PORT`."""
    scheme, separator, address = target.strip().partition("://")
    return (scheme, address) if separator else (LIVE_LINK_SCHEME, target)


def resolve_udp(address: Address) -> Endpoint:
    """Return the socket address of `address` for datagrams.

    Raises:
        OSError: The host name cannot be resolved.
    """
    family, kind, protocol, _, sockaddr = socket.getaddrinfo(*address, type=socket.SOCK_DGRAM)[0]
    return Endpoint(family, kind, protocol, sockaddr)


def is_loopback(host: str) -> bool:
    """Return whether `host` is a loopback address, reachable from this machine only."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _is_port(text: str) -> bool:
    return text.isascii() and text.isdecimal() and 0 < int(text) < 65536


def _is_ipv6(text: str) -> bool:
    try:
        return ipaddress.ip_address(text.partition("%")[0]).version == 6
    except ValueError:
        return False
