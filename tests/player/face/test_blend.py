"""Speech over idle life, and back, without a jump."""

from __future__ import annotations

import numpy as np
import pytest

from services.common.types import Weights
from services.media.curves import CURVE_COUNT, INDEX
from services.player.face.blend import FAST_TICKS, SLOW_TICKS, STARVED_TICKS, Blend
from services.player.face.composition import EASE_TICKS, Face, FaceConfiguration, Recordings
from services.player.face.life.idle import LifeSettings
from services.player.face.scaling import Scaling
from services.player.face.speech_pose import SpeechPose
from tests.player.simulation import JAW_ONLY

JAW = INDEX["JawOpen"]


SMILE = INDEX["MouthSmileLeft"]


YAW = INDEX["HeadYaw"]


def pose(**curves: float) -> Weights:
    values = np.zeros(CURVE_COUNT, np.float32)
    for name, value in curves.items():
        values[INDEX[name]] = value
    return values


ALL = np.ones(CURVE_COUNT, bool)


REST = pose(MouthSmileLeft=0.1, BrowInnerUp=0.2, HeadYaw=0.1)


def test_speech_takes_the_mouth_and_adds_to_the_rest_of_the_face() -> None:
    blend = Blend()
    blend.step(0, REST, None, None, None)
    speech = pose(JawOpen=0.5, BrowInnerUp=0.3, HeadYaw=-0.3)
    for tick in range(1, 40):
        shown = blend.step(tick, REST, speech, ALL, "turn")
    assert shown[JAW] == np.float32(0.5)
    assert shown[SMILE] == 0
    assert shown[INDEX["BrowInnerUp"]] == pytest.approx(0.5)
    assert shown[YAW] == pytest.approx(-0.2)


def test_curves_that_the_frames_do_not_hold_stay_idle() -> None:
    blend = Blend()
    shown = blend.step(0, REST, pose(JawOpen=0.5), JAW_ONLY >= 0, "turn")
    assert shown[JAW] == np.float32(0.5)
    assert shown[SMILE] == REST[SMILE]


def test_the_mouth_leaves_and_returns_within_its_time_without_a_jump() -> None:
    blend = Blend()
    curve = [blend.step(0, pose(), None, None, None)[JAW]]
    curve += [blend.step(tick, pose(), pose(JawOpen=1), ALL, "turn")[JAW] for tick in range(1, 21)]
    curve += [blend.step(tick, pose(), None, None, None)[JAW] for tick in range(21, 41)]
    assert np.abs(np.diff(curve)).max() <= 1 / STARVED_TICKS + 1e-6
    assert curve[FAST_TICKS] == 1
    assert curve[20 + STARVED_TICKS] == 0


def test_the_head_follows_more_slowly_than_the_mouth() -> None:
    blend = Blend()
    blend.step(0, pose(), None, None, None)
    curve = [blend.step(tick, pose(), pose(HeadYaw=1), ALL, "turn")[YAW] for tick in range(1, 30)]
    assert curve[FAST_TICKS] < 0.5
    assert curve[SLOW_TICKS] == 1
    assert np.abs(np.diff(curve)).max() <= 1 / SLOW_TICKS + 1e-6


def test_changes_in_the_middle_of_changes_do_not_jump() -> None:
    blend = Blend()
    random = np.random.default_rng(4)
    curve = []
    for tick in range(2000):
        wanted = pose(JawOpen=float(tick % 3 == 0))  # jumps by 1 each time
        source = int(random.integers(0, 3))
        held = wanted if source else None
        curve.append(blend.step(tick, pose(), pose(JawOpen=1) if held is not None else None, ALL, source or None)[JAW])
    assert np.abs(np.diff(curve)).max() <= 1 / STARVED_TICKS + 1e-6


def test_speech_that_goes_on_is_shown_as_it_is() -> None:
    blend = Blend()
    random = np.random.default_rng(9)
    wanted = random.random((100, CURVE_COUNT), np.float32)
    shown = [blend.step(tick, pose(), row, ALL, "turn") for tick, row in enumerate(wanted)]
    assert np.array_equal(np.array(shown), wanted)


def test_a_tick_that_is_made_again_after_a_change_does_not_jump() -> None:
    face = Face(3, FaceConfiguration(life=LifeSettings(enabled=False)), Recordings())
    random = np.random.default_rng(8)
    speech = SpeechPose(pose(JawOpen=1), ALL, 0, (1, 0))
    characters = (
        FaceConfiguration(life=LifeSettings(enabled=False)),
        FaceConfiguration(Scaling(mouth=0.5), LifeSettings(enabled=False)),
    )
    curve = []
    for tick in range(2000):
        speaks = bool(random.random() < 0.5)
        face.step(tick, None if speaks else speech)  # made, and never sent
        if random.random() < 0.05:
            face.configure(characters[tick % 2])
        curve.append(face.step(tick, speech if speaks else None)[JAW])
    assert np.abs(np.diff(curve)).max() <= 1 / STARVED_TICKS + 1 / EASE_TICKS + 1e-6
    assert np.ptp(curve) > 0.3
