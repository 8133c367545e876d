"""The idle life of a face: blinks, gaze, breath, slow motion of head, brows and mouth, and cues from its own voice.

Everything is computed from a seed, the tick and the loudness of the voice, so that a pose costs little, never repeats,
and is the same in tests. Rates and ranges are human ones; the modules of `services.player.face.life` give the sources.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from services.common.types import Weights
from services.media.curves import CURVE_COUNT, INDEX, clamp
from services.player.face.life.blinks import Blinks
from services.player.face.life.gaze import Gaze, GazeAngles
from services.player.face.life.motions import Pose, SlowMotion
from services.player.face.life.prosody import Prosody, ProsodyCues
from services.player.face.life.recorded_loop import RecordedLoop

LOOK_SIDE_PER_RADIAN, LOOK_DOWN_PER_RADIAN = 1.37, 1.80  # look curves over eye rotation in a Live Link Face recording
ROLL_PER_YAW = -0.1
OUTER_BROWS = 0.6  # of the inner ones, when the voice raises them
MOST_SKIPPED = 240  # skipped ticks that are still computed, 4 s; after a longer stall the others are left out
QUIET = ProsodyCues()


@dataclass(frozen=True)
class LifeSettings:
    """Which layers of idle life a face shows."""

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
    """Whether somebody speaks to the character: it blinks less, and looks at the speaker."""


DEFAULT_LIFE = LifeSettings()


class Idle:
    """The idle life of one face. Ticks must not go back; skipping some, in silence, changes nothing in the others."""

    def __init__(self, seed: int, recording: RecordedLoop | None = None) -> None:
        """Make a life; two with the same seed move alike.

        Args:
            seed: Of everything that is drawn.
            recording: Replaces all layers but the cues of the voice.
        """
        self._recording = recording
        self._motion = SlowMotion(np.random.default_rng([seed, 0]))
        self._blinks = Blinks(np.random.default_rng([seed, 1]))
        self._gaze = Gaze(np.random.default_rng([seed, 2]))
        self._prosody = Prosody(np.random.default_rng([seed, 3]))
        self._tick = -1
        self._cues, self._look, self._lids = QUIET, GazeAngles(0.0, 0.0, 0.0, 0.0, 0.0), (0.0, 0.0)

    def pose(
        self, tick: int, level: float = 0.0, life: LifeSettings = DEFAULT_LIFE, *, accents: float = 1.0
    ) -> Weights:
        """Return the pose of a tick, shape (61,), every curve within its legal range.

        Args:
            tick: Index of the tick.
            level: How loud the character's voice is on this tick: RMS, 0 to 1 of full scale.
            life: Which layers show.
            accents: Share of the nods and raised brows that the voice brings; less where speech has its own.
        """
        self._advance(tick, level, life)
        if not life.enabled:
            return np.zeros(CURVE_COUNT, np.float32)
        cues = self._cues
        recording = self._recording
        pose = self._layers(tick, life) if recording is None else recording.at(tick).astype(np.float64)
        pose[_HEAD_PITCH] += accents * cues.nod
        if cues.brows:
            _add(pose, _OUTER_BROWS, accents * OUTER_BROWS * cues.brows)
            pose[_INNER_BROWS] += accents * cues.brows
        return clamp(pose.astype(np.float32))

    def _advance(self, tick: int, level: float, life: LifeSettings) -> None:
        """Compute all ticks up to `tick`, so that skipped ones take effect as well."""
        for passed in range(max(self._tick + 1, tick - MOST_SKIPPED), tick + 1):
            cues = self._prosody.at(passed, level)
            self._cues = cues if life.prosody else QUIET
            self._look = self._gaze.at(passed, self._cues, listening=life.listening)
            shift = self._look.shift if life.gaze else 0.0
            self._lids = self._blinks.at(passed, self._cues, listening=life.listening, shift=shift)
        self._tick = tick

    def _layers(self, tick: int, life: LifeSettings) -> Pose:
        look = self._look
        pose = self._motion.pose(
            tick, self._cues.activity, head=life.head, expression=life.expression, breath=life.breath
        )
        pitch = 0.0
        if life.gaze:
            pitch = look.eye_pitch
            _look(pose, look.eye_yaw, pitch)
        if life.gaze and life.head:
            pose[_HEAD_YAW] += look.head_yaw
            pose[_HEAD_PITCH] += look.head_pitch
        _close(pose, self._lids if life.blinks else (0.0, 0.0), pitch)
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
