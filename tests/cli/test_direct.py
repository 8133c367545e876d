"""`neurosync replay --target`: datagrams made ahead, sent on time, judged by the independent receiver."""

from __future__ import annotations

import asyncio
import signal
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from services.cli.client.direct_replay import EncodedTake, send_take
from services.media.curves import CURVE_COUNT, INDEX
from services.media.livelink import LiveLinkEncoder, timecode
from services.media.takes.take_folder import write_take
from tests import livelink_receiver
from tests.cli.conftest import Run, Start
from tests.cli.test_replay import made_take

JAW = INDEX["JawOpen"]


@pytest.fixture
def unreal() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        receiver.bind(("127.0.0.1", 0))
        receiver.settimeout(0.2)
        yield receiver


def arrived(receiver: socket.socket) -> list[dict[str, Any]]:
    """Return what waits at the socket, decoded; every datagram is one that Unreal takes."""
    packets = []
    while True:
        try:
            packets.append(livelink_receiver.decode(receiver.recv(2048)))
        except TimeoutError:
            return packets


@pytest.mark.parametrize("subject", ["NeuroSync", "Zoë 👋"])
def test_what_is_made_ahead_is_what_the_encoder_makes(subject: str) -> None:
    weights = np.random.default_rng(1).random((20, CURVE_COUNT), np.float32)
    encoded = EncodedTake(weights, subject, device_id="a device")
    encoder = LiveLinkEncoder(subject, device_id="a device")
    for index, seconds in [(0, 0.0), (7, 43_200.4321), (19, 86_399.999), (7, 1.5)]:
        frame, sub_frame = timecode(seconds)
        expected = encoder.encode(weights[index], frame=frame, sub_frame=sub_frame)
        assert bytes(encoded.datagram(index, seconds)) == expected


def test_values_beyond_their_range_are_sent_within_it() -> None:
    weights = np.full((1, CURVE_COUNT), -2, np.float32)
    packet = livelink_receiver.decode(bytes(EncodedTake(weights, "A", device_id="d").datagram(0, 0)))
    assert packet["values"][JAW] == 0
    assert packet["values"][INDEX["HeadYaw"]] == -1


def test_frames_arrive_in_order_at_sixty_hertz_and_end_at_rest(unreal: socket.socket) -> None:
    weights = np.zeros((60, CURVE_COUNT), np.float32)
    weights[:, JAW] = np.linspace(0.2, 0.8, 60)
    begun = time.monotonic()
    report = send_take(weights, unreal.getsockname(), "Ada", device_id="d", stopped=lambda: False)
    took = time.monotonic() - begun
    packets = arrived(unreal)
    assert report.sent_count + report.late_count == 65  # and five that ease to rest
    assert report.sent_count == len(packets) >= 55
    assert took == pytest.approx(64 / 60, abs=0.1)
    times = np.array([packet["frame"] + packet["sub_frame"] for packet in packets])
    assert (np.abs(np.diff(times) - np.round(np.diff(times))) < 1e-3).all()
    assert times[-1] - times[0] == pytest.approx(64, abs=1e-3)
    now = time.localtime()
    since = now.tm_hour * 3600 + now.tm_min * 60 + now.tm_sec - times[-1] / 60  # either way: `now` has whole seconds
    assert abs((since + 43_200) % 86_400 - 43_200) < 3
    jaws = [packet["values"][JAW] for packet in packets]
    assert jaws[0] == pytest.approx(0.2)
    assert jaws[-1] == 0
    assert max(np.abs(np.diff(jaws[-6:]))) < 0.2
    assert {packet["subject"] for packet in packets} == {"Ada"}


def test_a_stop_eases_to_rest_at_once(unreal: socket.socket) -> None:
    asked = iter(range(1000))
    weights = np.zeros((600, CURVE_COUNT), np.float32)
    weights[:, JAW] = 0.9
    report = send_take(weights, unreal.getsockname(), "Ada", device_id="d", stopped=lambda: next(asked) >= 10)
    assert report.stopped
    assert report.sent_count + report.late_count == 15
    assert arrived(unreal)[-1]["values"][JAW] == 0


async def test_the_command_sends_the_face_without_a_player(unreal: socket.socket, neurosync: Run, place: Path) -> None:
    write_take(place / "take", made_take(0.5))
    port = unreal.getsockname()[1]
    result = await neurosync("replay", "take", "--target", f"127.0.0.1:{port}", "--subject", "Zoë", "--json")
    assert result.status == 0, result.err
    assert "no sound" in result.err
    packets = arrived(unreal)
    assert result.json["sent_count"] == len(packets)
    assert {packet["subject"] for packet in packets} == {"Zoë"}
    assert max(packet["values"][JAW] for packet in packets) == pytest.approx(0.83)


async def test_a_target_where_nobody_listens_is_told(neurosync: Run, place: Path) -> None:
    write_take(place / "take", made_take(0.2))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    result = await neurosync("replay", "take", "--target", f"127.0.0.1:{port}")
    assert result.status == 0
    assert "completed: " in result.out
    if sys.platform == "linux":  # which tells a sender of the refusal
        assert f"nobody listens on 127.0.0.1:{port}" in result.err


@pytest.mark.parametrize("target", ["127.0.0.1:99999", ":11111", "127.0.0.1:0"])
async def test_a_wrong_target_is_refused(neurosync: Run, place: Path, target: str) -> None:
    write_take(place / "take", made_take(0.1))
    result = await neurosync("replay", "take", "--target", target)
    assert result.status == 2
    assert "--target: expected HOST or HOST:PORT" in result.err


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C reaches a process alone only on POSIX")
async def test_ctrl_c_ends_it(unreal: socket.socket, start: Start, place: Path) -> None:
    write_take(place / "take", made_take(30))
    command = await start("replay", "take", "--target", f"127.0.0.1:{unreal.getsockname()[1]}")
    await command.told("sending take")
    await asyncio.to_thread(unreal.recv, 2048)
    command.process.send_signal(signal.SIGINT)
    result = await command.end()
    assert result.status == 130
    assert result.out.startswith("stopped: ")
    assert "Traceback" not in result.err
