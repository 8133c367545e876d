"""Emotions that rise and fall over a face, and lips that still close."""

from __future__ import annotations

import numpy as np
import pytest

from services.media.curves import CURVE_COUNT, CURVE_NAMES, INDEX, clamp
from services.media.emotions import EMOTION_NAMES, NO_EMOTIONS
from services.player.face.emotion_layer import (
    OVERLAID,
    POSES,
    SPEAKING_MOUTH,
    EmotionLayer,
    EmotionSettings,
)
from services.player.face.life.recorded_loop import RecordedLoop
from tests.player.emotion_arrays import strengths
from tests.player.reference_packets import PACKETS, needs_reference

SMILE, BROW, JAW = INDEX["MouthSmileLeft"], INDEX["BrowInnerUp"], INDEX["JawOpen"]


REST = np.zeros(CURVE_COUNT, np.float32)


def test_an_emotion_rises_within_its_attack_and_falls_within_its_release() -> None:
    emotions, emotion = EmotionLayer(), EmotionSettings(attack=0.5, release=1.0)
    rise = [emotions.over(REST, tick, strengths(Happy=1.0), emotion, speaking=False)[SMILE] for tick in range(40)]
    fall = [emotions.over(REST, tick, NO_EMOTIONS, emotion, speaking=False)[SMILE] for tick in range(40, 110)]
    full = np.float32(POSES["Happy"]["MouthSmileLeft"])
    assert rise[28] < full == rise[29] == rise[39]
    assert fall[58] > 0 == fall[59] == fall[-1]
    assert np.all(np.diff(rise) >= 0)
    assert np.all(np.diff(fall) <= 0)
    assert np.abs(np.diff(rise + fall)).max() <= 1.5 * full / 30 + 1e-6


def test_a_change_of_emotion_continues_from_what_shows() -> None:
    emotions, emotion = EmotionLayer(), EmotionSettings()
    random = np.random.default_rng(2)
    shown = []
    for tick in range(2000):
        if tick % 7 == 0:
            wanted = random.random(len(EMOTION_NAMES)).astype(np.float32) * (random.random() > 0.3)
        shown.append(emotions.over(REST, tick, wanted, emotion, speaking=bool(tick % 90 > 40)))
    assert np.abs(np.diff(np.array(shown), axis=0)).max() < 0.1


@pytest.mark.parametrize("name", EMOTION_NAMES)
def test_every_emotion_has_a_legal_pose(name: str) -> None:
    emotions = EmotionLayer()
    for tick in range(60):
        pose = emotions.over(REST, tick, strengths(**{name: 1.0}), EmotionSettings(), speaking=False)
    assert np.array_equal(pose, clamp(pose))
    assert np.abs(pose).max() <= 0.8
    assert bool(pose.any()) == (name != "Neutral")


def test_emotions_differ_from_each_other() -> None:
    poses = np.array([[POSES[name].get(curve, 0.0) for curve in CURVE_NAMES] for name in EMOTION_NAMES])
    distances = np.linalg.norm(poses[:, None] - poses[None], axis=2)
    assert distances[~np.eye(len(poses), dtype=bool)].min() > 0.5


def test_speech_reduces_an_emotion_on_the_mouth_and_not_on_the_brows() -> None:
    emotions = EmotionLayer()
    for tick in range(60):
        pose = emotions.over(REST, tick, strengths(Sad=1.0), EmotionSettings(), speaking=True)
    assert pose[BROW] == pytest.approx(POSES["Sad"]["BrowInnerUp"])
    assert pose[INDEX["MouthFrownLeft"]] == pytest.approx(SPEAKING_MOUTH * POSES["Sad"]["MouthFrownLeft"])


def test_strength_multiplies_and_the_switch_turns_off() -> None:
    for emotion, wanted in (
        (EmotionSettings(strength=0.5), 0.5),
        (EmotionSettings(enabled=False), 0.0),
        (EmotionSettings(strength=0), 0.0),
    ):
        emotions = EmotionLayer()
        for tick in range(60):
            pose = emotions.over(REST, tick, strengths(Happy=1.0), emotion, speaking=False)
        assert pose[SMILE] == pytest.approx(wanted * POSES["Happy"]["MouthSmileLeft"])


@needs_reference
@pytest.mark.parametrize("case", range(4))
def test_a_recording_of_an_emotion_is_laid_over_as_the_reference_does(case: int) -> None:
    with np.load(PACKETS.parent / "animation" / "emotion.npz", allow_pickle=False) as golden:
        face, rows = golden[f"face_{case}"][:, :CURVE_COUNT], golden[f"adjust_len_{case}"]
        expected = golden[f"player_out_{case}"][:, :CURVE_COUNT]
    loop = RecordedLoop(np.zeros((1, CURVE_COUNT), np.float32))
    loop.rows = rows.astype(np.float32)
    emotions = EmotionLayer({"Sad": loop})
    emotions._from = emotions._goal = emotions.now = strengths(Sad=1.0)  # in full from the first row on
    for tick, row in enumerate(face.astype(np.float32)):
        shown = emotions.over(row, tick, strengths(Sad=1.0), EmotionSettings(), speaking=False)
        raised = OVERLAID & (rows[tick] > 0)
        wanted = np.minimum(expected[tick], np.maximum(face[tick], 1.0))
        assert np.allclose(np.minimum(shown, np.maximum(row, 1.0))[raised], wanted[raised], atol=1e-6)
        assert np.array_equal(shown[~raised], row[~raised])


def test_a_recording_of_an_emotion_begins_at_its_first_row_each_time() -> None:
    rows = np.zeros((200, CURVE_COUNT), np.float32)
    rows[:, SMILE] = np.linspace(0, 1, 200)
    emotions, emotion = EmotionLayer({"Happy": RecordedLoop(rows)}), EmotionSettings(attack=0.05, release=0.05)
    first = [emotions.over(REST, tick, strengths(Happy=1.0), emotion, speaking=False)[SMILE] for tick in range(50)]
    for tick in range(50, 70):
        emotions.over(REST, tick, NO_EMOTIONS, emotion, speaking=False)
    again = [emotions.over(REST, tick, strengths(Happy=1.0), emotion, speaking=False)[SMILE] for tick in range(70, 120)]
    assert np.allclose(first, again)
    assert first[40] == pytest.approx(rows[40, SMILE])
