"""Frames of a turn, idle life, and the blend of the two."""

from __future__ import annotations

import time

import numpy as np
import pytest

from services.common.types import Weights
from services.media.curves import BROWS, CURVE_COUNT, EYES, INDEX, LOWEST, MOUTH, ROTATIONS
from services.media.emotions import NO_EMOTIONS
from services.player.face.blend import FAST_TICKS, SLOW_TICKS, STARVED_TICKS, Blend
from services.player.face.composition import EASE_TICKS, Face, FaceConfiguration, Recordings
from services.player.face.life.idle import Idle, LifeSettings
from services.player.face.scaling import Scaling
from services.player.face.speech_pose import SpeechPose
from services.player.turns.frame_track import FrameTrack
from tests.player.simulation import JAW_ONLY, jaw

JAW = INDEX["JawOpen"]
SMILE = INDEX["MouthSmileLeft"]
YAW = INDEX["HeadYaw"]


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


def test_the_mouth_leaves_and_returns_within_its_time_without_a_pop() -> None:
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


def test_changes_in_the_middle_of_changes_do_not_pop() -> None:
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


def test_a_tick_that_is_asked_for_again_looks_the_same() -> None:
    once, twice = (Face(3, FaceConfiguration(), Recordings()) for _ in range(2))
    spoken = np.random.default_rng(5).random((300, CURVE_COUNT), np.float32)
    happy = np.eye(7, dtype=np.float32)[3]
    for tick, row in enumerate(spoken):
        speech = SpeechPose(row, ALL, tick, (1, 0)) if tick % 100 > 40 else None
        emotions = happy if tick > 150 else NO_EMOTIONS
        if tick == 220:
            for face in (once, twice):
                face.configure(FaceConfiguration(Scaling(mouth=0.5)))
        wanted = once.step(tick, speech, level=0.1 * (tick % 100 > 40), emotions=emotions)
        twice.step(tick, speech, level=0.1 * (tick % 100 > 40), emotions=emotions)
        assert np.array_equal(twice.step(tick, speech, level=0.1 * (tick % 100 > 40), emotions=emotions), wanted)


def test_a_tick_that_is_made_again_because_all_has_changed_does_not_pop() -> None:
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
