"""Emotions by time, alone and on the face of a turn."""

from __future__ import annotations

import numpy as np
import pytest

from neurosync.v1 import outcome_pb2
from services.media.curves import INDEX, LOWEST
from services.media.emotions import EMOTION_NAMES
from services.player.face.composition import FaceConfiguration
from services.player.face.emotion_layer import (
    POSES,
    EmotionSettings,
)
from services.player.face.life.idle import LifeSettings
from services.player.turns.emotion_track import MAX_HELD, EmotionTrack
from tests.player.emotion_arrays import strengths
from tests.player.simulation import JAW_ONLY, NAME, RATE, Sender, Stage, constant, jaw

SMILE, BROW, JAW = INDEX["MouthSmileLeft"], INDEX["BrowInnerUp"], INDEX["JawOpen"]


STILL = FaceConfiguration(life=LifeSettings(enabled=False))


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


def test_a_pause_of_the_device_changes_no_emotion() -> None:
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
