"""Checks of the datagrams that arrive, with real senders."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
import time
from collections.abc import Iterator

import numpy as np
import pytest

from services.cli.checks import arrival_checks
from services.cli.checks.arrival_checks import check_arrivals
from services.cli.checks.check import Check, State
from services.media.livelink import LiveLinkEncoder


@contextlib.contextmanager
def sending(port: int, *senders: tuple[str, str], rate: float = 60, junk: bytes = b"") -> Iterator[None]:
    """Send frames of (subject, device id) pairs to a port for the length of a block."""
    stop = threading.Event()

    def send() -> None:
        encoders = [LiveLinkEncoder(subject, device_id=device) for subject, device in senders]
        pose, begun, tick = np.zeros(61, np.float32), time.monotonic(), 0
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
            while not stop.is_set():
                for encoder in encoders:
                    out.sendto(encoder.encode(pose, frame=tick, sub_frame=0), ("127.0.0.1", port))
                if junk:
                    out.sendto(junk, ("127.0.0.1", port))
                tick += 1
                stop.wait(max(0.0, begun + tick / rate - time.monotonic()))

    thread = threading.Thread(target=send)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


async def test_two_players_that_send_one_subject_are_found(port: int) -> None:
    with sending(port, ("Ada", "one"), ("Ada", "two"), ("Bob", "two")):
        (check,) = await check_arrivals([f"127.0.0.1:{port}"])
    assert check.state is State.NOTE
    assert check.found == "2 senders send subject 'Ada': the face flickers between them"
    assert "end all players but one" in check.advice


async def test_a_sender_at_another_rate_and_what_unreal_would_drop_are_found(port: int) -> None:
    with sending(port, ("Ada", "one"), rate=30, junk=b"junk"):
        dropped, slow = await check_arrivals([f"localhost:{port}"])
    assert "datagrams that Unreal would drop: expected at least 267 bytes, got 4" in dropped.found
    assert "subject 'Ada' comes " in slow.found
    assert "times a second, not 60" in slow.found


async def test_a_good_sender_is_reported_as_good_and_silence_gives_no_check(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arrival_checks, "RATE_TOLERANCE", 10)  # the sender here is a test's thread on a busy machine
    with sending(port, ("Ada", "one")):
        assert await check_arrivals([f"127.0.0.1:{port}"]) == [
            Check(f"frames on {port}", State.OK, "'Ada' at 60 Hz, as Unreal takes them")
        ]
    assert await check_arrivals([f"127.0.0.1:{port}", "192.0.2.7"]) == []


async def test_a_port_that_unreal_has_is_not_checked(port: int) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as unreal:
        unreal.bind(("127.0.0.1", port))
        assert await check_arrivals([f"127.0.0.1:{port}"]) == []


async def test_examining_takes_no_longer_than_it_promises(port: int) -> None:
    begun = asyncio.get_running_loop().time()
    await check_arrivals([f"127.0.0.1:{port}"])
    assert asyncio.get_running_loop().time() - begun < 5
