"""The frames of a turn as they were captured."""

from __future__ import annotations

import numpy as np
import pytest

from neurosync.v1 import player_pb2
from services.cli.client.synchronized_capture import captured_turn
from services.media.curves import CURVE_NAMES

RATE = 24_000
TICK = RATE // 60


def test_ticks_that_were_not_sent_show_what_was_sent_before_and_are_reported() -> None:
    frames = []
    for tick in (101, 102, 103, 110, 112):
        values = [tick / 1000] * 61
        frame = player_pb2.SentFrame(tick=tick, turn_sample=(tick - 100) * TICK, values=values, turn_frame=5)
        frame.timecode_frame, frame.timecode_sub_frame = 60 * 60 + tick, 0.5
        frames.append(frame)
    turn = captured_turn(frames, CURVE_NAMES, RATE)
    assert [frame.heard.tick for frame in turn.frames] == [
        1,
        2,
        3,
        10,
        12,
    ]  # the turn began a tick before the first that was seen
    assert turn.holes == [(4, 10)]
    rows = turn.rows(14)
    expected = [0.101, 0.101, 0.102, *[0.103] * 7, 0.11, 0.11, 0.112, 0.112]
    np.testing.assert_allclose(rows.weights[:, 0], expected, atol=1e-6)
    np.testing.assert_allclose(np.diff(rows.times), 1 / 60, atol=1e-6)
    assert rows.times[1] == pytest.approx(60 + 101.5 / 60)
