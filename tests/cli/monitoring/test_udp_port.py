"""The UDP port of the monitor."""

from __future__ import annotations

import sys
import time

import pytest

from services.cli.monitoring.udp_port import UdpPort
from services.common.errors import UnavailableError
from tests.cli.datagrams import send


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux reports when a datagram arrived")
def test_arrivals_are_stamped_when_they_arrive_not_when_they_are_read() -> None:
    with UdpPort("127.0.0.1", 0) as port:
        for _ in range(20):  # the system begins to stamp a moment after it was asked to
            before = port.now()
            send(("127.0.0.1", port.port), b"a")
            sent = port.now()
            time.sleep(0.05)  # the time that passes until it is read
            [(at, data)] = port.receive(1.0)
            assert data == b"a"
            if at <= sent + 0.005:
                break
    assert before - 0.001 <= at <= sent + 0.005


def test_a_host_of_another_machine_cannot_be_listened_on() -> None:
    with pytest.raises(UnavailableError, match=r"cannot listen on UDP 192\.0\.2\.1:11111"):
        UdpPort("192.0.2.1", 11111)
