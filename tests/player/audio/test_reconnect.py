"""Attempts to open a lost device again."""

from __future__ import annotations

import threading

from services.common.errors import UnavailableError
from services.player.audio.reconnect import Reconnector
from tests.player.simulation import SimulatedOutput


def test_attempts_go_on_until_the_device_is_back_and_return_it_once() -> None:
    device, found = SimulatedOutput(), threading.Event()
    attempts: list[None] = []

    def open_device() -> SimulatedOutput:
        attempts.append(None)
        if len(attempts) < 5:
            raise UnavailableError("not yet")
        found.set()
        return device

    seeker = Reconnector(open_device, (0.001, 0.002))
    assert found.wait(5)
    seeker._thread.join(5)
    assert seeker.take() is device
    assert seeker.take() is None
    assert len(attempts) == 5


def test_a_device_that_opens_after_close_is_closed() -> None:
    device, opening, ended = SimulatedOutput(), threading.Event(), threading.Event()

    def open_device() -> SimulatedOutput:
        opening.set()
        assert ended.wait(5)
        return device

    seeker = Reconnector(open_device, (0.001,))
    assert opening.wait(5)
    seeker.close()
    ended.set()
    seeker._thread.join(5)
    assert device.closed
    assert seeker.take() is None
