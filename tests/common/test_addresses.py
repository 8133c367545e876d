"""Parsing of addresses, valid and invalid."""

from __future__ import annotations

import socket

import pytest

from services.common.addresses import Address, is_loopback, parse_address, resolve_udp, split_scheme
from services.common.errors import BadRequestError


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("10.0.0.5", Address("10.0.0.5", 11111)),
        ("unreal:11112", Address("unreal", 11112)),
        ("unreal", Address("unreal", 11111)),
        ("[::1]:11112", Address("::1", 11112)),
        ("[::1]", Address("::1", 11111)),
        ("::1", Address("::1", 11111)),
        ("fe80::1%eth0", Address("fe80::1%eth0", 11111)),
        ("255.255.255.255:11111", Address("255.255.255.255", 11111)),
        (" 10.0.0.6:11112 ", Address("10.0.0.6", 11112)),
    ],
)
def test_an_address_is_a_host_with_or_without_a_port(text: str, expected: Address) -> None:
    assert parse_address(text, field="targets", default_port=11111) == expected


@pytest.mark.parametrize(
    "text",
    ["", ":11111", "host:", "host:0", "host:x", "host:70000", "a:b:c", "[::1", "a b:1", "udp://host:1", "host:１"],
)
def test_what_is_no_address_is_refused_with_what_was_seen(text: str) -> None:
    with pytest.raises(BadRequestError, match="targets: expected HOST or HOST:PORT"):
        parse_address(text, field="targets", default_port=11111)


def test_a_port_may_be_required() -> None:
    with pytest.raises(BadRequestError, match="expected HOST:PORT"):
        parse_address("127.0.0.1", field="listen")


@pytest.mark.parametrize("address", [Address("10.0.0.5", 1), Address("::1", 2), Address("unreal", 3)])
def test_an_address_written_out_parses_to_itself(address: Address) -> None:
    assert parse_address(str(address), field="targets", default_port=11111) == address


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("10.0.0.5:1", ("livelink", "10.0.0.5:1")),
        ("livelink://10.0.0.5:1", ("livelink", "10.0.0.5:1")),
        ("osc://[::1]:9000", ("osc", "[::1]:9000")),
    ],
)
def test_a_target_may_have_a_scheme(target: str, expected: tuple[str, str]) -> None:
    assert split_scheme(target) == expected


def test_addresses_resolve_for_sockets() -> None:
    assert resolve_udp(Address("127.0.0.1", 5)).sockaddr == ("127.0.0.1", 5)
    assert resolve_udp(Address("::1", 5)).family == socket.AF_INET6
    with pytest.raises(OSError):
        resolve_udp(Address("no.such.host.invalid", 5))


@pytest.mark.parametrize(
    ("host", "expected"),
    [("localhost", True), ("127.0.0.9", True), ("[::1]", True), ("0.0.0.0", False), ("box", False)],
)
def test_loopback_is_recognized(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected
