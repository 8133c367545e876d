"""The heard sound of a turn, from the ticks of the player, compared with a simulation of every sample."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.common.types import Pcm
from services.media.fade import INTERRUPT_FADE_SECONDS
from services.media.takes.heard_sound import HeardTick, heard_sound, tick_sample

RATE = 24_000
TICK = RATE // 60


def a_sound(count: int) -> Pcm:
    return (np.arange(count) % 20_000 + 1).astype(np.int16)  # never zero, so that a pause shows


def performed(runs: list[tuple[int, int]], rate: int) -> tuple[list[HeardTick], list[int]]:
    """Play `runs` of (pause before, samples), in samples; return what was heard on each tick, and the true places."""
    places: list[int] = []
    now = 0
    for pause, samples in runs:
        now += pause
        places += range(now, now + samples)
        now += samples
    count = now * 60 // rate + 1
    positions = np.array(places)
    ticks = [HeardTick(tick, int(np.searchsorted(positions, tick_sample(tick, rate)))) for tick in range(count)]
    return ticks, places


def test_a_turn_without_a_pause_is_heard_as_it_is() -> None:
    pcm = a_sound(10_123)
    ticks, _ = performed([(0, len(pcm))], RATE)
    heard = heard_sound(pcm, RATE, ticks)
    np.testing.assert_array_equal(heard.pcm, pcm)
    assert heard.pauses == []
    assert [heard.place(sample) for sample in (0, 5000, 20_000)] == [0, 5000, 20_000]


def test_a_pause_is_as_long_as_it_was_and_later_positions_move_behind_it() -> None:
    pcm = a_sound(20 * TICK)
    ticks, places = performed([(0, 3900), (5200, len(pcm) - 3900)], RATE)
    heard = heard_sound(pcm, RATE, ticks)
    ((start, end),) = heard.pauses
    assert (start, end) == (3900, 9100)
    assert not heard.pcm[start:end].any()
    assert heard.pcm[:3700].all()
    assert len(heard.pcm) == len(pcm) + 5200
    assert [heard.place(sample) for sample in (0, 3899, 3900, 7999)] == [places[k] for k in (0, 3899, 3900, 7999)]
    assert heard.place_end(3900) == 3900  # the end of a word before the pause does not reach over it


def test_no_step_is_left_where_a_pause_begins_or_a_stop_fades() -> None:
    pcm = np.full(8000, 10_000, np.int16)
    ticks, _ = performed([(0, 4000), (3000, 4000)], RATE)
    steps = np.abs(np.diff(heard_sound(pcm, RATE, ticks, stopped=True).pcm.astype(int)))
    assert steps.max() < 10_000 * np.pi / 2 / (INTERRUPT_FADE_SECONDS * RATE) + 2
    assert heard_sound(pcm, RATE, ticks, stopped=True).pcm[-1] < 10
    assert heard_sound(pcm, RATE, ticks).pcm[-1] == 10_000


def test_ticks_that_were_not_reported_leave_no_gap() -> None:
    pcm = a_sound(30 * TICK)
    ticks, _ = performed([(0, len(pcm))], RATE)
    seen = [k for k in range(len(ticks)) if k not in (0, 7, 8, 9, 20)]
    heard = heard_sound(pcm, RATE, [ticks[k] for k in seen])
    np.testing.assert_array_equal(heard.pcm, pcm)


@pytest.mark.parametrize("ticks", [[], [0], [0, 1, 2]])
def test_a_turn_with_few_or_no_reported_ticks_is_heard_as_its_sound(ticks: list[int]) -> None:
    pcm = a_sound(700)
    np.testing.assert_array_equal(heard_sound(pcm, RATE, [HeardTick(k, min(700, TICK * k)) for k in ticks]).pcm, pcm)
    assert len(heard_sound(pcm[:0], RATE, [HeardTick(k, 0) for k in ticks]).pcm) == 0


@given(
    st.sampled_from([16_000, 22_050, 24_000, 44_100, 48_000]),
    st.lists(st.tuples(st.floats(0.0, 0.4), st.floats(0.06, 0.5)), min_size=1, max_size=6),
)
def test_every_sample_lies_within_a_frame_of_where_it_was_heard(rate: int, spans: list[tuple[float, float]]) -> None:
    runs = [(round(pause * rate) if k else 0, round(sound * rate)) for k, (pause, sound) in enumerate(spans)]
    pcm = a_sound(sum(samples for _, samples in runs))
    ticks, places = performed(runs, rate)
    heard = heard_sound(pcm, rate, ticks)
    assert heard.pieces[0].first == heard.pieces[0].at == 0
    assert heard.pieces[-1].end == len(pcm)
    assert all(one.end == two.first for one, two in pairwise(heard.pieces))
    difference = np.array([heard.place(sample) for sample in range(0, len(pcm), 97)]) - np.array(places[::97])
    assert np.abs(difference).max() <= rate / 60 + 2
    assert abs(len(heard.pcm) - places[-1] - 1) <= rate / 60 + 2
