"""Datagrams to a target that listens, does not listen, or cannot be reached."""

from __future__ import annotations

import socket

from services.common.addresses import LIVE_LINK_PORT
from services.player.frame_outputs.udp_target import UdpTarget


def receiver(port: int = 0) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.settimeout(2)
    sock.bind(("127.0.0.1", port))
    return sock


def test_a_sink_without_a_listener_counts_and_loses_nothing_once_there_is_one() -> None:
    with receiver() as probe:
        port = probe.getsockname()[1]
    sink = UdpTarget(f"127.0.0.1:{port}", default_port=LIVE_LINK_PORT)
    for number in range(5):
        sink.send(bytes([number]))
    assert sink.failed_count >= 3
    assert sink.sent_count == 5
    with receiver(port) as sock:
        for number in range(5, 10):
            sink.send(bytes([number]))
        assert [sock.recv(10)[0] for _ in range(5)] == [5, 6, 7, 8, 9]
    sink.close()


def test_a_datagram_that_cannot_be_sent_is_counted_and_stops_nothing() -> None:
    with receiver() as sock:
        sink = UdpTarget(f"127.0.0.1:{sock.getsockname()[1]}", default_port=LIVE_LINK_PORT)
        sink.send(bytes(100_000))  # more than UDP takes
        sink.send(b"x")
        assert sock.recv(10) == b"x"
        assert (sink.sent_count, sink.failed_count) == (1, 1)
        sink.close()
