"""The life of a face that does not speak: blinks, gaze, breath, and small motion of head, brows and mouth.

Everything is computed from a seed and the tick, so that a pose costs little, never repeats, and tests see what users
see. Rates and ranges are human ones: 15 to 20 blinks a minute of about 0.2 s (closing faster than opening), small
saccades about once a second, 14 breaths a minute, head motion below 0.3 Hz.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from services.media.curves import CURVE_COUNT, INDEX, clamp
from services.player.grid import TICK_RATE

Weights = npt.NDArray[np.float32]

WAVES = 3  # sines a noise source: their frequencies share no period, so the sum does not repeat
BREATHS_PER_SECOND = 14 / 60
BLINK_MEDIAN_SECONDS, BLINK_SPREAD = 3.3, 0.45  # log-normal intervals, 16.4 a minute; doubles bring it to about 18
BLINK_SHORTEST_SECONDS = 0.6
DOUBLE_BLINK_SHARE = 0.08
CLOSING_TICKS, OPENING_TICKS = 4, 8  # 67 ms and 133 ms
GAZE_MEDIAN_SECONDS, GAZE_SPREAD = 0.9, 0.6  # log-normal fixations
GAZE_SHORTEST_SECONDS, GAZE_LONGEST_SECONDS = 0.2, 4.0
NEW_INTEREST_SHARE = 0.2  # of saccades; the others stay within a degree of where the eyes were
INTEREST_RADIANS = (0.07, 0.04)  # yaw and pitch, standard deviation: 4 and 2.3 degrees
MICRO_RADIANS = 0.014  # 0.8 degrees
SACCADE_TICKS = 3  # 50 ms
LOOK_SIDE_PER_RADIAN, LOOK_DOWN_PER_RADIAN = 1.37, 1.80  # look curves over eye rotation in a Live Link Face recording
ROLL_PER_YAW = -0.1


@dataclass(frozen=True)
class Motion:
    """A slow motion that several curves share."""

    curves: tuple[str, ...]
    rest: float
    """Value about which the curves move."""
    together: float
    """Largest excursion of all at once; with `alone` at most `rest`, unless the curve is a rotation."""
    alone: float
    """Largest excursion of each by itself."""
    lowest: float
    highest: float
    """Band of the motion in Hz."""

    @property
    def source_count(self) -> int:
        """How many noise sources move the curves."""
        return 1 + (len(self.curves) if self.alone else 0)


def _pair(name: str) -> tuple[str, str]:
    return f"{name}Left", f"{name}Right"


MOTIONS = (
    Motion(("HeadYaw",), 0, 0.06, 0, 0.03, 0.25),
    Motion(("HeadPitch",), 0, 0.035, 0, 0.03, 0.25),
    Motion(("HeadRoll",), 0, 0.03, 0, 0.02, 0.2),
    Motion(_pair("BrowDown"), 0.03, 0.02, 0.006, 0.05, 0.3),
    Motion(("BrowInnerUp",), 0.05, 0.04, 0, 0.05, 0.3),
    Motion(("BrowOuterUpLeft", "BrowOuterUpRight"), 0.04, 0.025, 0.01, 0.05, 0.3),
    Motion(_pair("EyeSquint"), 0.05, 0.03, 0.008, 0.05, 0.3),
    Motion(_pair("EyeWide"), 0.03, 0.02, 0.005, 0.05, 0.4),
    Motion(_pair("CheekSquint"), 0.03, 0.015, 0.008, 0.05, 0.3),
    Motion(_pair("MouthSmile"), 0.04, 0.025, 0.01, 0.03, 0.2),
    Motion(_pair("MouthDimple"), 0.02, 0.01, 0.006, 0.05, 0.3),
    Motion(_pair("MouthFrown"), 0.015, 0.01, 0.004, 0.05, 0.3),
    Motion(_pair("MouthStretch"), 0.015, 0.01, 0.004, 0.05, 0.3),
    Motion(_pair("MouthPress"), 0.03, 0.02, 0.008, 0.05, 0.4),
    Motion(("MouthShrugLower", "MouthShrugUpper"), 0.025, 0.015, 0.006, 0.05, 0.3),
    Motion(("MouthRollLower", "MouthRollUpper"), 0.02, 0.012, 0.006, 0.05, 0.4),
    Motion(("MouthLeft",), 0.012, 0.012, 0, 0.05, 0.2),
    Motion(("MouthRight",), 0.012, 0.012, 0, 0.05, 0.2),
    Motion(("JawOpen",), 0.012, 0.008, 0, 0.05, 0.3),
    Motion(("JawForward",), 0.015, 0.01, 0, 0.05, 0.2),
    Motion(("JawLeft",), 0.006, 0.006, 0, 0.05, 0.2),
    Motion(("JawRight",), 0.006, 0.006, 0, 0.05, 0.2),
)
BREATH = {"NoseSneerLeft": 0.02, "NoseSneerRight": 0.02, "JawOpen": 0.006, "BrowInnerUp": 0.006, "HeadPitch": -0.006}
"""How far a full breath moves each curve; the head rises a little."""


class Idle:
    """One face's idle life. Ticks must not go back; skipping some changes nothing in the others."""

    def __init__(self, seed: int) -> None:
        """Live by `seed`: two faces with the same seed move alike."""
        noise = np.random.default_rng([seed, 0])
        self._rest = np.zeros(CURVE_COUNT)
        mixing = _mixing(self._rest)  # (61, sources)
        sources = mixing.shape[1]
        self._mixing = np.repeat(mixing / WAVES, WAVES, axis=1)  # (61, sources * WAVES)
        bands = np.array([(m.lowest, m.highest) for m in MOTIONS for _ in range(m.source_count)])  # (sources, 2)
        self._omega = 2 * np.pi * noise.uniform(bands[:, :1], bands[:, 1:], (sources, WAVES)).ravel()
        self._phase = noise.uniform(0, 2 * np.pi, sources * WAVES)
        self._breath = np.zeros(CURVE_COUNT)
        for name, size in BREATH.items():
            self._breath[INDEX[name]] = size
        self._blinks = Blinks(np.random.default_rng([seed, 1]))
        self._gaze = Gaze(np.random.default_rng([seed, 2]))

    def pose(self, tick: int) -> Weights:
        """Return the pose of a tick, shape (61,), every curve within its legal range."""
        seconds = tick / TICK_RATE
        noise = np.sin(self._omega * seconds + self._phase)  # (sources * WAVES,)
        breath = 0.5 - 0.5 * math.cos(2 * math.pi * BREATHS_PER_SECOND * seconds + 0.4 * noise[0])
        motion = np.einsum("cs,s->c", self._mixing, noise)  # not @: BLAS would wake its threads for this little
        pose = self._rest + motion + self._breath * breath  # (61,)
        yaw, pitch = self._gaze.at(tick)
        _look(pose, yaw, pitch)
        _close(pose, self._blinks.at(tick), pitch)
        return clamp(pose.astype(np.float32))


class Blinks:
    """When the lids close, and how far."""

    def __init__(self, random: np.random.Generator) -> None:
        self._random = random
        self._start = random.uniform(0.5, 3.0) * TICK_RATE
        self._depth = 1.0
        self._next = self._start

    def at(self, tick: int) -> float:
        """Return how far the lids are closed: 0 open, 1 shut."""
        while tick >= self._next:
            self._start = self._next
            self._depth = self._random.uniform(0.85, 1.0)
            self._next += self._interval()
        since = tick - self._start
        if not 0 <= since < CLOSING_TICKS + OPENING_TICKS:
            return 0.0
        share = since / CLOSING_TICKS if since < CLOSING_TICKS else 1 - (since - CLOSING_TICKS) / OPENING_TICKS
        return self._depth * _smooth(share)

    def _interval(self) -> float:
        """Draw the ticks until the next blink."""
        if self._random.random() < DOUBLE_BLINK_SHARE:
            return float(self._random.uniform(0.25, 0.4)) * TICK_RATE
        seconds = self._random.lognormal(math.log(BLINK_MEDIAN_SECONDS), BLINK_SPREAD)
        return float(max(seconds, BLINK_SHORTEST_SECONDS)) * TICK_RATE


class Gaze:
    """Where the eyes look: fixations joined by saccades."""

    def __init__(self, random: np.random.Generator) -> None:
        self._random = random
        self._interest = np.zeros(2)
        self._before = self._goal = np.zeros(2)
        self._start = 0.0
        self._next = 0.0

    def at(self, tick: int) -> tuple[float, float]:
        """Return yaw and pitch in radians, positive to the face's right and down, as in Live Link."""
        while tick >= self._next:
            self._start = self._next
            self._before, self._goal = self._goal, self._target()
            self._next += self._fixation()
        yaw, pitch = self._before + (self._goal - self._before) * _smooth(
            min((tick - self._start) / SACCADE_TICKS, 1.0)
        )
        return float(yaw), float(pitch)

    def _target(self) -> npt.NDArray[np.float64]:
        if self._random.random() < NEW_INTEREST_SHARE:
            self._interest = np.clip(self._random.normal(0, INTEREST_RADIANS), -0.15, 0.15)
        return self._interest + np.clip(self._random.normal(0, MICRO_RADIANS, 2), -0.03, 0.03)

    def _fixation(self) -> float:
        """Draw the ticks until the next saccade."""
        seconds = self._random.lognormal(math.log(GAZE_MEDIAN_SECONDS), GAZE_SPREAD)
        return float(np.clip(seconds, GAZE_SHORTEST_SECONDS, GAZE_LONGEST_SECONDS)) * TICK_RATE


def _mixing(rest: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return what each noise source adds to each curve, shape (61, sources), and write the curves' rest values."""
    columns = []
    for motion in MOTIONS:
        rows = [INDEX[name] for name in motion.curves]
        rest[rows] = motion.rest
        together = np.zeros(CURVE_COUNT)
        together[rows] = motion.together
        columns.append(together)
        for row in rows if motion.alone else ():
            alone = np.zeros(CURVE_COUNT)
            alone[row] = motion.alone
            columns.append(alone)
    return np.stack(columns, axis=1)


_TO_RIGHT = (INDEX["EyeLookInLeft"], INDEX["EyeLookOutRight"])
_TO_LEFT = (INDEX["EyeLookOutLeft"], INDEX["EyeLookInRight"])
_UP = (INDEX["EyeLookUpLeft"], INDEX["EyeLookUpRight"])
_DOWN = (INDEX["EyeLookDownLeft"], INDEX["EyeLookDownRight"])
_LIDS = (INDEX["EyeBlinkLeft"], INDEX["EyeBlinkRight"])
_SQUINT = (INDEX["EyeSquintLeft"], INDEX["EyeSquintRight"])
_YAW = (INDEX["LeftEyeYaw"], INDEX["RightEyeYaw"])
_PITCH = (INDEX["LeftEyePitch"], INDEX["RightEyePitch"])
_ROLL = (INDEX["LeftEyeRoll"], INDEX["RightEyeRoll"])


def _look(pose: npt.NDArray[np.float64], yaw: float, pitch: float) -> None:
    """Turn the eyes: rotations, and the look curves that go with them."""
    _add(pose, _YAW, yaw)
    _add(pose, _PITCH, pitch)
    _add(pose, _ROLL, ROLL_PER_YAW * yaw)
    _add(pose, _TO_RIGHT if yaw > 0 else _TO_LEFT, abs(yaw) * LOOK_SIDE_PER_RADIAN)
    _add(pose, _DOWN if pitch > 0 else _UP, abs(pitch) * LOOK_DOWN_PER_RADIAN)


def _close(pose: npt.NDArray[np.float64], closed: float, pitch: float) -> None:
    """Close the lids; the cheeks help a little, and the eyes roll down under them."""
    _add(pose, _LIDS, max(closed, pitch * 0.5, 0.0))  # an open lid follows the eye down
    _add(pose, _SQUINT, 0.1 * closed)
    _add(pose, _DOWN, 0.06 * closed)


def _add(pose: npt.NDArray[np.float64], curves: tuple[int, int], value: float) -> None:
    for curve in curves:  # single elements: quicker than indexing with a list
        pose[curve] += value


def _smooth(share: float) -> float:
    """Ease from 0 to 1 with a level start and end (raised cosine)."""
    return 0.5 - 0.5 * math.cos(math.pi * share)
