"""Ticks on samples, at any rate."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from services.player.timeline.ticks import Ticks

RATES = st.integers(8_000, 192_000)


@given(rate=RATES, tick=st.integers(0, 10**9))
def test_a_tick_lies_less_than_a_sample_after_its_time(rate: int, tick: int) -> None:
    assert 0 <= Ticks(rate).sample(tick) * 60 - tick * rate < 60


@given(rate=RATES, sample=st.integers(0, 10**12))
def test_ticks_around_a_sample_are_the_nearest(rate: int, sample: int) -> None:
    ticks = Ticks(rate)
    before, after = ticks.tick(sample), ticks.next_tick(sample)
    assert ticks.sample(before) <= sample < ticks.sample(before + 1)
    assert ticks.sample(after - 1) < sample <= ticks.sample(after)


def test_a_minute_of_ticks_at_an_odd_rate_does_not_drift() -> None:
    assert Ticks(22_050).sample(3600) == 60 * 22_050
    assert Ticks(44_100).sample(60 * 60 * 24 * 60) == 44_100 * 60 * 60 * 24
