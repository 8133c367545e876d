"""The idle face of a minute: its ranges, its seed and its cost."""

from __future__ import annotations

import time

import numpy as np
import pytest

from services.common.types import Weights
from services.media.curves import BROWS, EYES, INDEX, LOWEST, MOUTH, ROTATIONS
from services.player.face.life.idle import Idle


@pytest.fixture(scope="module")
def minute() -> Weights:
    idle = Idle(11)
    return np.array([idle.pose(tick) for tick in range(3600)])  # (3600, 61)


def test_most_curves_live_while_idle(minute: Weights) -> None:
    moving = np.ptp(minute, axis=0) > 0.002
    assert moving.sum() > 45
    for region in (EYES, BROWS, ROTATIONS):
        assert moving[region].all()
    assert moving[MOUTH].sum() >= 15


def test_idle_life_stays_within_human_ranges(minute: Weights) -> None:
    assert np.isfinite(minute).all()
    assert (minute >= LOWEST).all()
    assert (minute <= 1).all()
    assert np.abs(minute[:, ROTATIONS]).max() < 0.25  # radians
    assert minute[:, MOUTH].max() < 0.1  # nobody speaks
    lids = [INDEX["EyeBlinkLeft"], INDEX["EyeBlinkRight"]]
    others = np.delete(minute, lids, axis=1)
    assert np.abs(np.diff(others, axis=0)).max() < 0.2


def test_blinks_come_at_a_human_pace_and_close_faster_than_they_open() -> None:
    idle = Idle(3)
    lid = np.array([idle.pose(tick)[0] for tick in range(5 * 3600)])
    closed = lid > 0.5
    blinks = int((closed[1:] & ~closed[:-1]).sum()) / 5
    assert 14 <= blinks <= 22
    steps = np.diff(lid)
    assert steps.max() > 1.5 * -steps.min()


def test_idle_life_depends_on_seed_and_tick_alone() -> None:
    whole, skipping, other = Idle(5), Idle(5), Idle(6)
    poses = [whole.pose(tick) for tick in range(2000)]
    assert all(np.array_equal(poses[tick], skipping.pose(tick)) for tick in range(0, 2000, 37))
    assert not np.array_equal(poses[-1], other.pose(1999))


def test_a_pose_is_cheap() -> None:
    idle = Idle(1)
    costs = []
    for tick in range(500):
        started = time.perf_counter()
        idle.pose(tick)
        costs.append(time.perf_counter() - started)
    assert np.median(costs) < 500e-6  # ten times what it takes: a machine that runs tests is busy
