"""Statistics of ten minutes of idle life, with and without a voice; nothing repeats."""

from __future__ import annotations

import numpy as np
import pytest

from bench.life import Figures, Series, blink_starts, live, measure, phrases
from services.media.curves import BROWS, CURVE_COUNT, INDEX, MOUTH
from services.player.face.life.idle import LifeSettings
from services.player.timeline.ticks import TICK_RATE

TEN_MINUTES = 10 * 60 * TICK_RATE


QUIET = np.zeros(TEN_MINUTES)


PITCH, YAW, LID = INDEX["HeadPitch"], INDEX["HeadYaw"], INDEX["EyeBlinkLeft"]


@pytest.fixture(scope="module")
def waiting() -> Series:
    return live(11, QUIET)


@pytest.fixture(scope="module")
def levels() -> Series:
    return phrases(600, 11)


@pytest.fixture(scope="module")
def speaking(levels: Series) -> Series:
    return live(11, levels)


@pytest.fixture(scope="module")
def listening() -> Series:
    return live(11, QUIET, LifeSettings(listening=True))


def is_human(seen: Figures) -> None:
    assert 10 <= seen.blinks_per_minute <= 25
    assert 0.3 <= seen.interval_spread <= 1.2  # far from a clock, far from hailstones
    assert seen.interval_median < 60 / seen.blinks_per_minute  # most are short, some are long
    assert 5 < seen.longest_interval < 20
    assert 0.01 <= seen.doubles <= 0.2
    assert 0.03 <= seen.partial <= 0.3
    assert 0.3 <= seen.saccades_per_second <= 3
    assert 1 < seen.gaze_degrees < 15
    yaw, pitch, roll = seen.head_degrees
    assert 3 < yaw < 30
    assert 2 < pitch < 25
    assert 1 < roll < 15
    assert 0.5 < seen.head_speed < 40


def test_a_face_that_waits_is_human(waiting: Series) -> None:
    is_human(measure(waiting))


def test_a_face_that_speaks_is_human_and_moves_more(waiting: Series, speaking: Series) -> None:
    seen, before = measure(speaking), measure(waiting)
    is_human(seen)
    assert seen.head_speed > 1.5 * before.head_speed
    assert seen.saccades_per_second > before.saccades_per_second


def test_a_face_that_listens_blinks_less_and_looks_at_who_speaks(waiting: Series, listening: Series) -> None:
    seen, before = measure(listening), measure(waiting)
    is_human(seen)
    assert seen.blinks_per_minute < 0.85 * before.blinks_per_minute
    assert seen.gaze_degrees < 0.7 * before.gaze_degrees


@pytest.mark.parametrize("seed", range(5))
def test_every_face_blinks_at_a_human_rate(seed: int) -> None:
    lid = live(seed, np.zeros(TEN_MINUTES // 2))[:, LID]
    assert 10 <= len(blink_starts(lid)) / 5 <= 25


def test_ten_minutes_repeat_neither_a_pose_nor_two_seconds(waiting: Series) -> None:
    assert len(np.unique(waiting, axis=0)) == len(waiting)
    assert measure(waiting).repetition > 0.002


def test_two_faces_do_not_move_alike(waiting: Series) -> None:
    other = live(12, QUIET[:TICK_RATE])
    assert np.abs(other - waiting[:TICK_RATE]).max() > 0.02


def test_blinks_wait_for_the_ends_of_phrases(speaking: Series, levels: Series) -> None:
    voiced = np.convolve(levels > 0.005, np.ones(15), "full")[: len(levels)] > 0
    starts = blink_starts(speaking[:, LID])
    share_of_blinks = (~voiced[starts]).mean()
    assert share_of_blinks > 1.4 * (~voiced).mean()


@pytest.mark.parametrize(
    ("life", "still"),
    [
        (LifeSettings(blinks=False, gaze=False), [LID, INDEX["EyeBlinkRight"]]),
        (LifeSettings(gaze=False), [INDEX["LeftEyeYaw"], INDEX["EyeLookUpLeft"]]),
        (LifeSettings(head=False, breath=False), [YAW, PITCH, INDEX["HeadRoll"]]),
        (LifeSettings(expression=False, breath=False), [*range(CURVE_COUNT)[BROWS], *range(CURVE_COUNT)[MOUTH]]),
        (LifeSettings(enabled=False), list(range(CURVE_COUNT))),
    ],
)
def test_each_layer_can_be_switched_off(life: LifeSettings, still: list[int]) -> None:
    assert np.ptp(live(4, QUIET[:1200], life)[:, still], axis=0).max() == 0
    assert np.ptp(live(4, QUIET[:1200])[:, still], axis=0).max() > 0


def test_breath_lifts_the_head_about_fourteen_times_a_minute() -> None:
    head = live(2, QUIET[:7200], LifeSettings(head=False, gaze=False))[:, PITCH]
    assert 11 <= ((head[1:-1] < head[:-2]) & (head[1:-1] <= head[2:]) & (head[1:-1] < -0.004)).sum() / 2 <= 17
