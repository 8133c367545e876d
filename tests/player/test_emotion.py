"""Emotions: from keys, frames and recordings to a face that rises and falls, and lips that still close."""

from __future__ import annotations

import numpy as np
import pytest

from neurosync.v1 import media_pb2 as media
from neurosync.v1 import outcome_pb2
from neurosync.v1 import player_pb2 as pb
from services.common.types import Weights
from services.media.curves import CURVE_COUNT, CURVE_NAMES, INDEX, LOWEST, clamp
from services.media.emotions import EMOTION_NAMES, NO_EMOTIONS
from services.player.face.composition import FaceConfiguration
from services.player.face.emotion_layer import (
    OVERLAID,
    POSES,
    SPEAKING_MOUTH,
    EmotionLayer,
    EmotionSettings,
)
from services.player.face.life.idle import LifeSettings
from services.player.face.life.recorded_loop import RecordedLoop
from services.player.stream.parts import EmotionPart, FramesPart, SoundPart
from services.player.stream.play_request import play_request_parts
from services.player.stream.validation import PartValidator
from services.player.turns.emotion_track import MAX_HELD, EmotionTrack
from tests.player.simulation import JAW_ONLY, NAME, RATE, Sender, Stage, constant, jaw
from tests.player.test_regions import PACKETS, needs_reference

SMILE, BROW, JAW = INDEX["MouthSmileLeft"], INDEX["BrowInnerUp"], INDEX["JawOpen"]
HAPPY = media.EMOTION_HAPPY
REST = np.zeros(CURVE_COUNT, np.float32)
STILL = FaceConfiguration(life=LifeSettings(enabled=False))


def strengths(**by_name: float) -> Weights:
    weights = NO_EMOTIONS.copy()
    for name, strength in by_name.items():
        weights[EMOTION_NAMES.index(name)] = strength
    return weights


def key(at: int, strength: float = 1.0, emotion: media.Emotion.ValueType = HAPPY) -> media.EmotionKey:
    return media.EmotionKey(at_sample=at, weights=[media.EmotionWeight(emotion=emotion, weight=strength)])


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


def test_a_change_of_heart_goes_on_from_what_shows() -> None:
    emotions, emotion = EmotionLayer(), EmotionSettings()
    random = np.random.default_rng(2)
    shown = []
    for tick in range(2000):
        if tick % 7 == 0:
            wanted = random.random(len(EMOTION_NAMES)).astype(np.float32) * (random.random() > 0.3)
        shown.append(emotions.over(REST, tick, wanted, emotion, speaking=bool(tick % 90 > 40)))
    assert np.abs(np.diff(np.array(shown), axis=0)).max() < 0.1


@pytest.mark.parametrize("name", EMOTION_NAMES)
def test_every_emotion_but_none_at_all_has_a_legal_pose(name: str) -> None:
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


def test_speech_gets_a_part_of_the_mouth_and_the_brows_feel_all_of_it() -> None:
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


def test_keys_hold_until_the_next_one_whatever_their_order() -> None:
    track = EmotionTrack()
    for at, strength in ((2.0, 0.2), (1.0, 0.1), (3.0, 0.3)):
        track.push(at, strengths(Happy=strength), explicit=True)
    assert not track.at(0.5).any()
    assert [float(track.at(at)[3]) for at in (1.0, 1.9, 2.0, 9.0)] == pytest.approx([0.1, 0.1, 0.2, 0.3])
    track.push(1.5, strengths(Happy=0.9), explicit=True)  # late: of the past
    assert float(track.at(9.1)[3]) == pytest.approx(0.3)


def test_explicit_keys_replace_those_of_frames() -> None:
    track = EmotionTrack()
    track.push(0.0, strengths(Sad=1.0), explicit=False)
    track.push(0.0, strengths(Happy=1.0), explicit=True)
    track.push(0.5, strengths(Sad=1.0), explicit=False)
    assert np.array_equal(track.at(1.0), strengths(Happy=1.0))


def test_a_flood_of_keys_is_bounded() -> None:
    track = EmotionTrack()
    for number in range(5 * MAX_HELD):
        track.push(number, strengths(Happy=0.5), explicit=True)
    assert len(track._times) == MAX_HELD


def speak(stage: Stage, seconds: float, *, curves: int = 0) -> Sender:
    sender = stage.begin(voice_only=not curves)
    if curves:
        sender.turn.open_frames(JAW_ONLY, 60)
        sender.turn.push_frames(0, jaw(np.full(round(60 * seconds), 0.5)), stage.now)
    sender.turn.push_sound(constant(round(seconds * RATE)), stage.now)
    sender.turn.close(outcome_pb2.REASON_UNSPECIFIED)
    return sender


def test_a_key_shows_from_its_sample_on_and_goes_after_the_turn() -> None:
    stage = Stage()
    stage.performer.configure(NAME, lambda _: STILL, reset=False)
    stage.run(0.5)
    sender = speak(stage, 1.5)
    sender.turn.push_emotions(RATE // 2, None, strengths(Happy=1.0), explicit=True)
    stage.run(4)
    smile = stage.curve(SMILE)
    frames = np.array([sent.shown.turn_sample for sent in stage.sent])
    begun = int(np.flatnonzero(smile)[0])
    assert RATE // 2 <= frames[begun] <= RATE // 2 + 2 * RATE // 60
    assert smile.max() == pytest.approx(POSES["Happy"]["MouthSmileLeft"])
    assert smile[-1] == 0
    assert np.abs(np.diff(smile)).max() < 0.05


def test_a_pause_of_the_device_changes_no_feeling() -> None:
    stage = Stage()
    stage.performer.configure(NAME, lambda _: STILL, reset=False)
    sender = speak(stage, 1.9)
    sender.turn.push_emotions(0, None, strengths(Happy=1.0), explicit=True)
    stage.run(1.0)
    before = stage.sent[-1].shown.values[SMILE]
    for step in range(60):
        stage.engine.step(stage.now + step / 60)
    assert before == stage.sent[-1].shown.values[SMILE] > 0
    assert stage.sent[-1].shown.tick > stage.performer.next_tick + 40


def header(*names: str) -> pb.PerformRequest:
    return pb.PerformRequest(frame_header=media.FrameHeader(curve_names=names, frame_rate_hertz=60))


def test_columns_of_the_frames_are_emotions_where_they_change() -> None:
    validator = PartValidator()
    list(validator.parts(header("JawOpen", *EMOTION_NAMES)))
    table = np.zeros((6, 8), np.float32)
    table[:, 0] = 0.5
    table[2:, 4] = (0.5, 0.505, 7.0, 7.0)  # Happy; more than 1 is 1
    batch = media.FrameBatch(first_frame=10, frame_count=6, weights=table.ravel().tolist())
    parts = list(validator.parts(pb.PerformRequest(frames=batch)))
    explicit = [
        (part.at, part.rate, float(part.weights[3]), part.explicit) for part in parts if isinstance(part, EmotionPart)
    ]
    assert explicit == [(12, 60, 0.5, False), (14, 60, 1.0, False)]
    assert isinstance(parts[-1], FramesPart)


def test_a_whole_performance_feels_in_the_order_of_time() -> None:
    request = pb.PlayRequest(pcm=constant(24_000).tobytes(), emotions=[key(13_000, 0.5), key(0)])
    order = [
        part.at if isinstance(part, EmotionPart) else part.first
        for part in play_request_parts(request, 24_000, 0.5)
        if isinstance(part, EmotionPart | SoundPart)
    ]
    assert order == [0, 0, 13_000, 12_000]


def test_whatever_the_emotions_values_are_legal() -> None:
    stage = Stage()
    stage.performer.configure(
        NAME, lambda _: FaceConfiguration(emotion=EmotionSettings(strength=2.0, attack=0.05, release=0.05)), reset=False
    )
    sender = speak(stage, 1.9, curves=1)
    for number in range(30):
        by_name = dict.fromkeys(EMOTION_NAMES, float(number % 2))
        sender.turn.push_emotions(number * RATE // 20, None, strengths(**by_name), explicit=True)
    stage.run(2.5)
    shown = np.array([sent.shown.values for sent in stage.sent])
    assert np.isfinite(shown).all()
    assert (shown >= LOWEST).all()
    assert (shown <= 1).all()
    assert shown[:, BROW].max() == 1
