"""Timecodes of the Live Link Face app."""

from __future__ import annotations

import numpy as np
import pytest

from services.media.formats.timecodes import format_timecode, recorded_times


@pytest.mark.parametrize(
    ("frame", "rate", "text"),
    [
        (0, 60, "00:00:00:00.000"), (59, 60, "00:00:00:59.000"), (60, 60, "00:00:01:00.000"),
        (60 * 3661 + 7, 60, "01:01:01:07.000"), (30, 30, "00:00:01:00.000"), (86_400 * 60, 60, "00:00:00:00.000"),
    ],
)  # fmt: skip
def test_timecodes_count_every_frame_once(frame: int, rate: int, text: str) -> None:
    assert format_timecode(frame, rate) == text


def test_the_rate_and_the_times_of_a_recording_come_from_its_timecodes() -> None:
    rate, times = recorded_times([format_timecode(1000 + frame, 30) for frame in range(40)])
    assert rate == 30
    assert times is not None
    np.testing.assert_allclose(times, (1000 + np.arange(40)) / 30)


@pytest.mark.parametrize("codes", [[], ["", ""], ["00:00:01:05.000", "00:00:01:04.000"], ["00:00:01:05.000"] * 2])
def test_timecodes_that_do_not_grow_mean_even_steps(codes: list[str]) -> None:
    assert recorded_times(codes) == (60, None)
