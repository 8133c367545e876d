"""Frames at any rate to one pose a tick."""

from __future__ import annotations

import numpy as np
import pytest

from services.common.types import Weights
from services.media.curves import CURVE_COUNT, INDEX
from services.player.turns.frame_track import FrameTrack
from tests.player.simulation import JAW_ONLY, jaw

JAW = INDEX["JawOpen"]


def jaws(track: FrameTrack, ticks: range) -> list[float | None]:
    poses = (track.at(tick) for tick in ticks)
    return [None if pose is None else round(float(pose[JAW]), 4) for pose in poses]


def test_frames_of_sixty_hertz_come_on_their_ticks() -> None:
    track = FrameTrack(JAW_ONLY, 60)
    track.push(0, jaw([0.1, 0.2, 0.3]))
    assert jaws(track, range(4)) == [0.1, 0.2, 0.3, None]
    assert (track.shown_count, track.late_count) == (3, 0)


@pytest.mark.parametrize(
    ("rate", "frames", "expected"),
    [
        (30, [0.0, 0.2, 0.4], [0.0, 0.1, 0.2, 0.3, 0.4, 0.4]),  # the last one holds for its own 33 ms
        (120, [0.0, 0.1, 0.2, 0.3, 0.4], [0.0, 0.2, 0.4]),
        (25, [0.0, 0.5, 1.0], [0.0, 0.2083, 0.4167, 0.625, 0.8333]),
    ],
)
def test_frames_of_other_rates_are_placed_by_their_time(rate: int, frames: list[float], expected: list[float]) -> None:
    track = FrameTrack(JAW_ONLY, rate)
    track.push(0, jaw(frames))
    assert jaws(track, range(len(expected))) == expected


def test_frames_of_an_odd_rate_do_not_drift() -> None:
    track = FrameTrack(JAW_ONLY, 59)
    track.push(0, jaw(np.arange(600) / 600))
    shown = jaws(track, range(600))
    assert all(value == pytest.approx(tick * 59 / 60 / 600, abs=1e-4) for tick, value in enumerate(shown))


def test_frames_whose_time_has_passed_are_dropped_and_counted() -> None:
    track = FrameTrack(JAW_ONLY, 60)
    assert jaws(track, range(3)) == [None, None, None]
    track.push(0, jaw([0.1, 0.2, 0.3, 0.4]))
    assert jaws(track, range(3, 5)) == [0.4, None]
    assert track.late_count == 3


def test_a_short_gap_is_bridged_and_a_long_one_is_not() -> None:
    track = FrameTrack(JAW_ONLY, 60)
    track.push(0, jaw([0.2]))
    track.push(4, jaw([0.6]))
    track.push(30, jaw([0.9]))
    assert jaws(track, range(7)) == [0.2, 0.3, 0.4, 0.5, 0.6, None, None]
    assert jaws(track, range(29, 32)) == [None, 0.9, None]


def test_values_beyond_their_range_are_clamped() -> None:
    track = FrameTrack(JAW_ONLY, 60)
    track.push(0, jaw([-3.0, 7.0, 1e38]))
    assert jaws(track, range(3)) == [0.0, 1.0, 1.0]


def pose(**curves: float) -> Weights:
    values = np.zeros(CURVE_COUNT, np.float32)
    for name, value in curves.items():
        values[INDEX[name]] = value
    return values
