"""Nods and brows on stressed syllables."""

from __future__ import annotations

import numpy as np
import pytest

from bench.life import Series, live, phrases
from services.media.curves import INDEX
from services.player.face.life.idle import Idle, LifeSettings
from services.player.face.life.prosody import Prosody
from services.player.timeline.ticks import TICK_RATE

TEN_MINUTES = 10 * 60 * TICK_RATE


QUIET = np.zeros(TEN_MINUTES)


PITCH, YAW, LID = INDEX["HeadPitch"], INDEX["HeadYaw"], INDEX["EyeBlinkLeft"]


@pytest.fixture(scope="module")
def levels() -> Series:
    return phrases(600, 11)


def test_heads_dip_where_the_voice_is_stressed(levels: Series) -> None:
    with_voice = live(11, levels[: TEN_MINUTES // 4], LifeSettings(gaze=False))
    without = live(11, levels[: TEN_MINUTES // 4], LifeSettings(gaze=False, prosody=False))
    added = (with_voice - without)[:, PITCH]
    sway = np.abs(np.diff(without[:, PITCH])).max()
    nods = np.flatnonzero((added[1:-1] > 0.012) & (added[1:-1] >= added[:-2]) & (added[1:-1] > added[2:])) + 1
    minutes = len(added) / 3600
    assert 6 <= len(nods) / minutes <= 40
    assert np.abs(np.diff(added)).max() < 0.02 + sway
    before = np.array([levels[nod - 25 : nod + 1].max() for nod in nods])
    assert np.median(before) > 1.5 * np.median(levels[levels > 0.005])


def test_a_voice_that_is_quiet_leaves_the_face_alone() -> None:
    cues = Prosody(np.random.default_rng(1))
    assert all(cues.at(tick, 0.001).activity == 0 for tick in range(300))
    assert np.array_equal(live(3, np.full(300, 0.001)), live(3, np.zeros(300)))


def test_prosody_can_be_switched_off(levels: Series) -> None:
    life = LifeSettings(prosody=False)
    assert np.array_equal(live(4, levels[:1200], life), live(4, QUIET[:1200], life))


def test_nods_and_brows_of_the_voice_give_way_where_speech_has_its_own() -> None:
    usual, yielding = Idle(5), Idle(5)
    moved = set()
    for tick in range(1200):
        level = 0.1 if tick % 60 < 30 else 0.02
        difference = usual.pose(tick, level) - yielding.pose(tick, level, accents=0.0)
        moved |= set(np.flatnonzero(np.abs(difference) > 1e-6).tolist())
    assert moved == {INDEX[name] for name in ("HeadPitch", "BrowInnerUp", "BrowOuterUpLeft", "BrowOuterUpRight")}
