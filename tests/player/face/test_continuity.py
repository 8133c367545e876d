"""How far a curve may move from one frame to the next, whatever happens to the player."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from neurosync.v1 import outcome_pb2
from neurosync.v1 import player_pb2 as pb
from services.media.curves import CHEEKS, CURVE_COUNT, CURVE_NAMES, INDEX, MOUTH, TONGUE, columns
from services.media.emotions import NO_EMOTIONS
from services.player.face.blend import FAST_TICKS, SLOW_TICKS, STARVED_TICKS
from services.player.face.composition import EASE_TICKS, FaceConfiguration
from services.player.face.emotion_layer import EmotionSettings
from services.player.face.life.idle import LifeSettings
from services.player.face.scaling import Scaling
from tests.player.simulation import NAME, RATE, TICK, Sender, Stage, constant

ALL = columns(CURVE_NAMES)
LIDS = [INDEX["EyeBlinkLeft"], INDEX["EyeBlinkRight"]]
GAZE = [index for index, name in enumerate(CURVE_NAMES) if "Look" in name or name.startswith(("LeftEye", "RightEye"))]
QUICK = [*range(CURVE_COUNT)[MOUTH], *range(CURVE_COUNT)[CHEEKS], TONGUE]
HEAD = [INDEX["HeadYaw"], INDEX["HeadPitch"], INDEX["HeadRoll"]]
CALM = [index for index in range(CURVE_COUNT) if index not in {*LIDS, *GAZE, *QUICK, *HEAD}]

LOUDEST = 2.0  # factor, of those that are set
LIFE_STEP = 0.02  # of a curve that lives, at most
OFFSET = 1.0  # that a change can leave at most, of a curve within 0 to 1
MOUTH_STEP = OFFSET / STARVED_TICKS + LIFE_STEP
CALM_STEP = OFFSET / SLOW_TICKS + OFFSET / EASE_TICKS + LIFE_STEP
HEAD_STEP = 2 * OFFSET / SLOW_TICKS + LIFE_STEP
LID_STEP = 0.45  # a blink closes within 67 ms
GAZE_STEP = 0.35  # a saccade of 15 degrees takes 50 ms


def speak(stage: Stage, value: float, seconds: float, *, frames: float | None = None, **config: object) -> Sender:
    """Begin a turn whose face holds `value` on every curve, for as long as its sound or for `frames` seconds."""
    sender = stage.begin(**config)  # type: ignore[arg-type]
    sender.turn.open_frames(ALL, 60)
    count = round(60 * (seconds if frames is None else frames))
    sender.turn.push_frames(0, np.full((count, CURVE_COUNT), value, np.float32), stage.now)
    sender.turn.push_sound(constant(round(seconds * RATE)), stage.now)
    return sender


def finish(sender: Sender) -> None:
    sender.turn.close(outcome_pb2.REASON_UNSPECIFIED)


def interruption(stage: Stage) -> None:
    for pause in (0.3, 0.05, 0.13, 0.02):
        speak(stage, 1.0, 1.5)
        stage.run(pause)
        stage.performer.stop_everything(0.015)
        stage.run(pause)


def replacement(stage: Stage) -> None:
    for number in range(8):
        finish(speak(stage, float(number % 2), 1.5, policy=pb.BUSY_POLICY_REPLACE))
        stage.run(0.11)
    stage.run(2.0)


def queue(stage: Stage) -> None:
    for number in range(4):
        finish(speak(stage, float(number % 2 == 0), 0.2))
    stage.run(1.5)


def starvation_of_frames(stage: Stage) -> None:
    sender = speak(stage, 1.0, 1.8, frames=0.5)
    stage.run(0.8)
    sender.turn.push_frames(50, np.ones((20, CURVE_COUNT), np.float32), stage.now)
    stage.run(0.6)
    finish(sender)
    stage.run(1.0)


def starvation_of_sound(stage: Stage) -> None:
    sender = speak(stage, 1.0, 0.3, frames=1.5)
    stage.run(0.6)
    sender.turn.push_sound(constant(RATE // 2), stage.now)
    stage.run(0.2)
    finish(sender)
    stage.run(1.0)


def pause_of_the_device(stage: Stage) -> None:
    finish(speak(stage, 1.0, 1.0))
    stage.run(0.4)
    begin = stage.now
    for step in range(1, 60):
        stage.engine.step(begin + step / 60)
    stage.output.paused += 59 / 60
    stage.run(1.2)


def loss_of_the_device(stage: Stage) -> None:
    finish(speak(stage, 1.0, 1.9))
    stage.run(0.4)
    stage.output.lost = True
    begin = stage.now
    for step in range(1, 4 * 120):
        stage.engine.step(begin + step / 120)


def configuration(stage: Stage) -> None:
    characters = (
        FaceConfiguration(Scaling(mouth=0.0, brows=LOUDEST)),
        FaceConfiguration(Scaling(gains={"JawOpen": 0.0}, offsets={"BrowInnerUp": 1.0, "HeadYaw": -1.0})),
        FaceConfiguration(life=LifeSettings(enabled=False)),
        FaceConfiguration(emotion=EmotionSettings(strength=2.0)),
        FaceConfiguration(),
    )
    sender = speak(stage, 1.0, 1.9)
    for number in range(20):
        stage.performer.configure(NAME, lambda _, number=number: characters[number % 5], reset=False)  # type: ignore[misc]
        stage.run(0.3)
    finish(sender)
    stage.run(1.0)


def emotion(stage: Stage) -> None:
    sender = speak(stage, 0.5, 1.9)
    for number in range(20):
        strengths = NO_EMOTIONS.copy()
        strengths[number % 7] = 1.0
        sender.turn.push_emotions(number * RATE // 12, None, strengths, explicit=True)
    stage.run(1.0)
    stage.performer.stop_everything(0.015)
    stage.run(2.0)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    "happens",
    [
        interruption, replacement, queue, starvation_of_frames, starvation_of_sound, pause_of_the_device,
        loss_of_the_device, configuration, emotion,
    ],
)  # fmt: skip
def test_no_curve_jumps(happens: object, seed: int) -> None:
    stage = Stage(seed=seed)
    stage.run(0.7)
    happens(stage)  # type: ignore[operator]
    stage.run(1.0)
    ticks = [sent.shown.tick for sent in stage.sent]
    assert ticks == list(range(ticks[0], ticks[0] + len(ticks)))
    shown = np.array([sent.shown.values for sent in stage.sent])
    steps = np.abs(np.diff(shown, axis=0)).max(axis=0)  # (61,)
    assert steps[QUICK].max() <= MOUTH_STEP + OFFSET / EASE_TICKS * (happens is configuration)
    assert steps[CALM].max() <= CALM_STEP * (LOUDEST if happens is configuration else 1)
    assert steps[HEAD].max() <= HEAD_STEP + 2 * OFFSET / EASE_TICKS * (happens is configuration)
    assert steps[GAZE].max() <= GAZE_STEP
    assert steps[LIDS].max() <= LID_STEP
    assert shown.max() > 0.9  # something did happen


def test_the_mouth_is_quick_and_the_rest_is_slow() -> None:
    stage = Stage()
    stage.performer.configure(
        NAME, lambda _: replace(FaceConfiguration(), life=LifeSettings(enabled=False)), reset=False
    )
    stage.run(0.5)
    finish(speak(stage, 1.0, 1.0))
    stage.run(1.8)
    jaw, brow = stage.curve(INDEX["JawOpen"]), stage.curve(INDEX["BrowInnerUp"])
    begin = int(np.flatnonzero(jaw)[0])
    end = max(index for index, sent in enumerate(stage.sent) if sent.shown.turn_frame >= 0) + 1
    assert np.flatnonzero(jaw == 1)[0] - begin == FAST_TICKS - 1
    assert np.flatnonzero(brow == 1)[0] - begin == SLOW_TICKS - 1
    assert np.flatnonzero(jaw[end:] == 0)[0] == STARVED_TICKS - 1
    assert np.flatnonzero(brow[end:] == 0)[0] == SLOW_TICKS - 1
    assert stage.output.taken > end * TICK
