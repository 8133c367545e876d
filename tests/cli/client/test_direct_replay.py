"""Datagrams encoded ahead and sent on time, judged by the independent receiver."""

from __future__ import annotations

import socket
import time

import numpy as np
import pytest

from services.cli.client.direct_replay import EncodedTake, send_take
from services.media.curves import CURVE_COUNT, INDEX
from services.media.livelink import LiveLinkEncoder, timecode
from tests import livelink_receiver
from tests.cli.unreal_socket import JAW, arrived


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
