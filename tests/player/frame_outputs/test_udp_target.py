"""Datagrams to a target that listens, does not listen, or cannot be reached."""

from __future__ import annotations

import socket

import pytest

from services.common.addresses import LIVE_LINK_PORT
from services.common.errors import ConfigurationError
from services.player.frame_outputs.udp_target import UdpTarget


def receiver(port: int = 0) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.settimeout(2)
    sock.bind(("127.0.0.1", port))
    return sock


def test_a_target_without_a_listener_counts_and_loses_nothing_once_there_is_one() -> None:
    with receiver() as probe:
        port = probe.getsockname()[1]
    target = UdpTarget(f"127.0.0.1:{port}", default_port=LIVE_LINK_PORT)
    for number in range(5):
        target.send(bytes([number]))
    assert target.failed_count >= 3
    assert target.sent_count == 5
    with receiver(port) as sock:
        for number in range(5, 10):
            target.send(bytes([number]))
        assert [sock.recv(10)[0] for _ in range(5)] == [5, 6, 7, 8, 9]
    target.close()


def test_a_datagram_that_cannot_be_sent_is_counted_and_stops_nothing() -> None:
    with receiver() as sock:
        target = UdpTarget(f"127.0.0.1:{sock.getsockname()[1]}", default_port=LIVE_LINK_PORT)
        target.send(bytes(100_000))  # more than UDP takes
        target.send(b"x")
        assert sock.recv(10) == b"x"
        assert (target.sent_count, target.failed_count) == (1, 1)
        target.close()


def test_a_target_on_ipv6_gets_datagrams_with_and_without_brackets() -> None:
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
        sock.settimeout(2)
        try:
            sock.bind(("::1", 0))
        except OSError:
            pytest.skip("the system has no IPv6")
        port = sock.getsockname()[1]
        for text, default in ((f"[::1]:{port}", LIVE_LINK_PORT), ("::1", port), ("[::1]", port)):
            target = UdpTarget(text, default_port=default)
            target.send(text.encode())
            assert sock.recv(100) == text.encode()
            assert target.address == f"[::1]:{port}"
            target.close()


def test_a_broadcast_address_is_a_target() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(2)
        sock.bind(("", 0))
        target = UdpTarget("127.255.255.255", default_port=sock.getsockname()[1])  # the broadcast address of loopback
        target.send(b"x")
        assert (target.sent_count, target.failed_count) == (1, 0)
        assert sock.recv(10) == b"x"
        target.close()


def test_a_name_is_resolved() -> None:
    with receiver() as sock:
        target = UdpTarget(f"localhost:{sock.getsockname()[1]}", default_port=LIVE_LINK_PORT)
        target.send(b"x")
        assert target.address.endswith(f":{sock.getsockname()[1]}")
        target.close()


def test_a_name_without_an_address_is_a_wrong_setting() -> None:
    with pytest.raises(ConfigurationError, match=r"targets: cannot send to 'no-such-host\.invalid'"):
        UdpTarget("no-such-host.invalid", default_port=LIVE_LINK_PORT)
