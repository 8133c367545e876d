"""The life of a face: blinks, gaze, breath, small motion of head, brows and mouth, and what the own voice adds.

Everything is computed from a seed, the tick and the sound of the voice, so that a pose costs little, never repeats, and
tests see what users see. Rates and ranges are human ones; the modules of `services.player.face.life` name them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from services.common.types import Weights
from services.media.curves import CURVE_COUNT, INDEX, clamp
from services.player.face.life.blinks import Blinks
from services.player.face.life.gaze import Gaze, Look
from services.player.face.life.motions import Pose, Sway
from services.player.face.life.recorded_loop import Loop
from services.player.face.life.prosody import Melody, Prosody

LOOK_SIDE_PER_RADIAN, LOOK_DOWN_PER_RADIAN = 1.37, 1.80  # look curves over eye rotation in a Live Link Face recording
ROLL_PER_YAW = -0.1
OUTER_BROWS = 0.6  # of the inner ones, when the voice raises them
MOST_SKIPPED = 240  # ticks that pass unseen and are lived all the same, 4 s; of a longer stall the rest is lost
QUIET = Melody()


@dataclass(frozen=True)
class Habits:
    """Which layers of its life a face shows."""

    enabled: bool = True
    """False: none."""
    blinks: bool = True
    gaze: bool = True
    head: bool = True
    """Whether the head sways, and follows the eyes."""
    breath: bool = True
    expression: bool = True
    """Whether brows, lids, cheeks and mouth move a little."""
    prosody: bool = True
    """Whether head, brows, gaze and blinks follow the voice."""
    listening: bool = False
    """Whether somebody speaks to the face: it blinks less, and looks at who speaks."""


DEFAULT_HABITS = Habits()


class Idle:
    """One face's life. Ticks must not go back; skipping some, in silence, changes nothing in the others."""

    def __init__(self, seed: int, recording: Loop | None = None) -> None:
        """Live by `seed`: two faces with the same seed move alike.

        Args:
            seed: Of everything that is drawn.
            recording: Takes the place of all layers but what the voice adds.
        """
        self._recording = recording
        self._sway = Sway(np.random.default_rng([seed, 0]))
        self._blinks = Blinks(np.random.default_rng([seed, 1]))
        self._gaze = Gaze(np.random.default_rng([seed, 2]))
        self._prosody = Prosody(np.random.default_rng([seed, 3]))
        self._tick = -1
        self._melody, self._look, self._lids = QUIET, Look(0.0, 0.0, 0.0, 0.0, 0.0), (0.0, 0.0)

    def pose(self, tick: int, level: float = 0.0, habits: Habits = DEFAULT_HABITS, *, accents: float = 1.0) -> Weights:
        """Return the pose of a tick, shape (61,), every curve within its legal range.

        Args:
            tick: Index of the tick.
            level: How loud the own voice is just now: RMS, 0 to 1 of full scale.
            habits: What the face does of itself.
            accents: Share of the nods and raised brows that the voice brings; less where speech has its own.
        """
        self._live(tick, level, habits)
        if not habits.enabled:
            return np.zeros(CURVE_COUNT, np.float32)
        melody = self._melody
        if self._recording is not None:
            pose = self._recording.at(tick).astype(np.float64)
        else:
            pose = self._layers(tick, habits)
        pose[_HEAD_PITCH] += accents * melody.nod
        if melody.brows:
            _add(pose, _OUTER_BROWS, accents * OUTER_BROWS * melody.brows)
            pose[_INNER_BROWS] += accents * melody.brows
        return clamp(pose.astype(np.float32))

    def _live(self, tick: int, level: float, habits: Habits) -> None:
        """Let all ticks up to `tick` pass, so that those which are not shown happen as well."""
        for passed in range(max(self._tick + 1, tick - MOST_SKIPPED), tick + 1):
            heard = self._prosody.at(passed, level)
            self._melody = heard if habits.prosody else QUIET
            self._look = self._gaze.at(passed, self._melody, listening=habits.listening)
            shift = self._look.shift if habits.gaze else 0.0
            self._lids = self._blinks.at(passed, self._melody, listening=habits.listening, shift=shift)
        self._tick = tick

    def _layers(self, tick: int, habits: Habits) -> Pose:
        look = self._look
        pose = self._sway.pose(
            tick, self._melody.activity, head=habits.head, expression=habits.expression, breath=habits.breath
        )
        pitch = 0.0
        if habits.gaze:
            pitch = look.eye_pitch
            _look(pose, look.eye_yaw, pitch)
        if habits.gaze and habits.head:
            pose[_HEAD_YAW] += look.head_yaw
            pose[_HEAD_PITCH] += look.head_pitch
        _close(pose, self._lids if habits.blinks else (0.0, 0.0), pitch)
        return pose


_TO_RIGHT = (INDEX["EyeLookInLeft"], INDEX["EyeLookOutRight"])
_TO_LEFT = (INDEX["EyeLookOutLeft"], INDEX["EyeLookInRight"])
_UP = (INDEX["EyeLookUpLeft"], INDEX["EyeLookUpRight"])
_DOWN = (INDEX["EyeLookDownLeft"], INDEX["EyeLookDownRight"])
_LIDS = (INDEX["EyeBlinkLeft"], INDEX["EyeBlinkRight"])
_SQUINT = (INDEX["EyeSquintLeft"], INDEX["EyeSquintRight"])
_YAW = (INDEX["LeftEyeYaw"], INDEX["RightEyeYaw"])
_PITCH = (INDEX["LeftEyePitch"], INDEX["RightEyePitch"])
_ROLL = (INDEX["LeftEyeRoll"], INDEX["RightEyeRoll"])
_HEAD_YAW, _HEAD_PITCH = INDEX["HeadYaw"], INDEX["HeadPitch"]
_INNER_BROWS = INDEX["BrowInnerUp"]
_OUTER_BROWS = (INDEX["BrowOuterUpLeft"], INDEX["BrowOuterUpRight"])


def _look(pose: Pose, yaw: float, pitch: float) -> None:
    """Turn the eyes: rotations, and the look curves that go with them."""
    _add(pose, _YAW, yaw)
    _add(pose, _PITCH, pitch)
    _add(pose, _ROLL, ROLL_PER_YAW * yaw)
    _add(pose, _TO_RIGHT if yaw > 0 else _TO_LEFT, abs(yaw) * LOOK_SIDE_PER_RADIAN)
    _add(pose, _DOWN if pitch > 0 else _UP, abs(pitch) * LOOK_DOWN_PER_RADIAN)


def _close(pose: Pose, lids: tuple[float, float], pitch: float) -> None:
    """Close the lids; the cheeks help a little, and the eyes roll down under them."""
    for closed, lid, squint, down in zip(lids, _LIDS, _SQUINT, _DOWN, strict=True):
        pose[lid] += max(closed, pitch * 0.5, 0.0)  # an open lid follows the eye down
        pose[squint] += 0.1 * closed
        pose[down] += 0.06 * closed


def _add(pose: Pose, curves: tuple[int, int], value: float) -> None:
    for curve in curves:  # single elements: quicker than indexing with a list
        pose[curve] += value
