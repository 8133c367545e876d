"""Rule-based motion of brows, eyelid tension, nose and head from pitch and level of the voice.

People raise the brows on some pitch accents, dip the head on accents of loudness, lean with the pitch, and turn the
head from phrase to phrase (Cave et al., "About the relationship between eyebrow movements and F0 variations", 1996;
Munhall et al., "Visual prosody and speech intelligibility", 2004). This rule detects accents against the voice's own
running mean, turns some of them into a motion of human length and size, and moves the head like a mass on a spring. No
captured data is behind it. The face moves only while the mouth speaks, so noise and music leave it at rest, and the
same audio always gives the same motion. Blinks and gaze are the player's.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from services.common.types import FRAME_RATE, Floats, Weights
from services.face.lipsync.pitch_level import PitchLevel
from services.media.curves import CURVE_COUNT, CURVE_NAMES, INDEX

OPEN = 0.05
"""JawOpen plus half of both lips' opening, above which the mouth counts as speaking."""
MEMORY_FRAMES = 4.0 * FRAME_RATE
"""Length of the running statistics of pitch and level. Less: long accents vanish; more: a new speaker is misjudged."""
ACTIVITY_FRAMES = 14.0
"""Time constant with which motion starts, and comes to rest."""
PAUSE_FRAMES = 15
"""Frames without an open mouth that end a phrase: 250 ms."""
SCORE_FRAMES = 5.0
"""Time constant of the smoothing of pitch and level; the model's look-ahead makes up for its delay."""
FLAT_SEMITONES, FLAT_DECIBELS = 2.0, 4.0
"""Lower bounds of the standard deviations: a monotonous voice does not raise its brows at every breath."""
ACCENT = 0.9
"""Standard deviations above the mean that make an accent."""
NOD_SECONDS, NOD_RADIANS, NOD_REST = 0.45, (0.025, 0.06), (0.5, 1.4)
"""Length and range of depths of a dip of the head, and range of seconds from one to the next."""
RAISE_SECONDS, RAISE_SIZE, RAISE_REST = 0.55, (0.10, 0.26), (1.6, 4.5)
"""Length and range of sizes of a raise of the brows, and seconds from one to the next: 8 to 20 a minute of speech."""
BROWS_PER_DEVIATION = 0.10
"""Rise of the brows with a deviation of pitch, between their larger motions."""
DIP_RADIANS, LEAN_RADIANS = 0.024, 0.012
"""Dip of the head with a deviation of loudness, and lean with one of pitch, between its larger motions."""
TURN_RADIANS, TILT_RADIANS = (0.015, 0.08), (0.008, 0.04)
"""Ranges of yaw and roll of a phrase."""
SPRINGS = tuple(2 * math.pi * hertz / FRAME_RATE for hertz in (0.9, 2.5, 1.5))
"""Of yaw, pitch and roll, radians a frame, critically damped. Lower: a heavier head that follows later."""
GOLDEN = (math.sqrt(5) - 1) / 2
"""Step of the low-discrepancy sequence that sizes and pauses are drawn from."""

MOVED = (
    "BrowDownLeft BrowDownRight BrowInnerUp BrowOuterUpLeft BrowOuterUpRight EyeSquintLeft EyeSquintRight EyeWideLeft "
    "EyeWideRight NoseSneerLeft NoseSneerRight HeadYaw HeadPitch HeadRoll"
).split()
"""Curves that this layer moves."""
_COLUMNS = [INDEX[name] for name in MOVED]
_OPENING = np.zeros(CURVE_COUNT, np.float32)
for _name, _share in {"JawOpen": 1.0, "MouthLowerDown": 0.25, "MouthUpperUp": 0.25}.items():
    for _column, _curve in enumerate(CURVE_NAMES):
        if _curve.removesuffix("Left").removesuffix("Right") == _name:
            _OPENING[_column] = _share


@dataclass
class _Pulse:
    """A motion out and back."""

    age: float = math.inf
    """Seconds since it began."""
    size: float = 0.0
    rest: float = 0.0
    """Seconds from its beginning until another may begin."""

    def at(self, seconds: float) -> float:
        """Return its displacement now, if it lasts `seconds`."""
        return self.size * (0.5 - 0.5 * math.cos(2 * math.pi * self.age / seconds)) if self.age < seconds else 0.0


@dataclass
class _Mean:
    """A running mean and standard deviation: exact at first, exponentially weighted later."""

    count: float = 0.0
    mean: float = 0.0
    variance: float = 0.0

    def add(self, value: float) -> None:
        self.count = min(self.count + 1, MEMORY_FRAMES)
        difference = value - self.mean
        self.mean += difference / self.count
        self.variance += (difference * difference - self.variance) / self.count

    def score(self, value: float, least: float) -> float:
        """Return how many standard deviations, of at least `least`, a value is above the mean; within -2.5 and 2.5."""
        return max(-2.5, min(2.5, (value - self.mean) / max(math.sqrt(self.variance), least)))


class UpperFace:
    """The upper face of one stream."""

    def __init__(self) -> None:
        self._pitch, self._level = _Mean(), _Mean()
        self._tone = self._stress = 0.0  # smoothed scores of pitch and level
        self._before = (0.0, 0.0)
        self._recent: tuple[float, ...] = ()  # semitones
        self._activity = 0.0
        self._quiet, self._phrases, self._events = PAUSE_FRAMES, 0, 0
        self._nod, self._raise = _Pulse(), _Pulse()
        self._aim = (0.0, 0.0)  # yaw and roll of the phrase
        self._head = [(0.0, 0.0)] * 3  # yaw, pitch, roll: position and speed

    def copy(self) -> UpperFace:
        """Return an independent copy that continues from the same state."""
        twin = UpperFace()
        vars(twin).update(vars(self))
        for name in ("_pitch", "_level", "_nod", "_raise"):
            setattr(twin, name, replace(getattr(self, name)))
        twin._head = list(self._head)
        return twin

    def add(self, frames: Weights, voice: PitchLevel) -> None:
        """Add this layer's curves to frames of the mouth, shape (n, 61), in place; `voice` has a row for each frame."""
        if len(frames):
            openings = frames @ _OPENING
            sneer = frames[:, INDEX["MouthUpperUpLeft"]]
            steps = zip(openings.tolist(), sneer.tolist(), voice.pitch.tolist(), voice.level.tolist(), strict=True)
            layer: Floats = np.array([self._step(*step) for step in steps], np.float32)
            frames[:, _COLUMNS] += layer

    def _step(self, opening: float, sneer: float, pitch: float, level: float) -> tuple[float, ...]:
        """Return the layer's curves for one frame, in the order of `MOVED`."""
        speaking = opening > OPEN
        self._activity += (float(speaking or self._quiet < PAUSE_FRAMES) - self._activity) / ACTIVITY_FRAMES
        if speaking and self._quiet >= PAUSE_FRAMES:
            self._begin_phrase()
        self._quiet = 0 if speaking else min(self._quiet + 1, PAUSE_FRAMES)
        self._follow(speaking, pitch, level)
        brows, nod = self._raise.at(RAISE_SECONDS), self._nod.at(NOD_SECONDS)
        for pulse in (self._nod, self._raise):
            pulse.age += 1 / FRAME_RATE
        active = self._activity if self._activity > 1e-3 else 0.0
        yaw, lift, roll = self._move_head(active, nod)
        low, loud, high = max(0.0, -self._tone), max(0.0, self._stress), max(0.0, self._tone)
        inner = active * (brows + BROWS_PER_DEVIATION * high)
        outer = active * 0.75 * (brows + BROWS_PER_DEVIATION * high)
        down = active * max(0.0, 0.035 * low + 0.02 * loud - 0.3 * brows)
        squint = active * max(0.0, 0.03 + 0.03 * loud - 0.15 * brows)
        wide = active * 0.35 * brows
        nose = 0.25 * sneer + active * 0.01 * loud
        return down, down, inner, outer, outer, squint, squint, wide, wide, nose, nose, yaw, lift, roll

    def _draw(self, low: float, high: float) -> float:
        """Return the next value of an even, never repeating sequence."""
        self._events += 1
        return low + (high - low) * math.fmod(self._events * GOLDEN, 1.0)

    def _begin_phrase(self) -> None:
        """Turn the head a little to the other side."""
        self._phrases += 1
        self._vary_turn()

    def _vary_turn(self) -> None:
        """Draw another angle to the phrase's side."""
        side = 1.0 if self._phrases % 2 else -1.0
        self._aim = (side * self._draw(*TURN_RADIANS), -side * self._draw(*TILT_RADIANS))

    def _follow(self, speaking: bool, pitch: float, level: float) -> None:
        """Update the scores of pitch and level, and start a nod or a raise of the brows on some of their peaks."""
        tone = stress = 0.0
        if speaking:
            self._level.add(level)
            stress = self._level.score(level, FLAT_DECIBELS)
            tone = self._tone  # unvoiced sound leaves the pitch score as it is
            if pitch:
                self._recent = (*self._recent[-4:], 12 * math.log2(pitch))
                semitones = sorted(self._recent)[len(self._recent) // 2]  # the median: octave errors are short
                self._pitch.add(semitones)
                tone = self._pitch.score(semitones, FLAT_SEMITONES)
        self._tone += (tone - self._tone) / SCORE_FRAMES
        self._stress += (stress - self._stress) / SCORE_FRAMES
        tone_before, stress_before = self._before
        self._before = self._tone, self._stress
        if self._nod.age > self._nod.rest and stress_before <= 0.35 * ACCENT < self._stress:
            depth = self._draw(*NOD_RADIANS) * min(1.0, 0.6 + 0.3 * max(0.0, stress))
            self._nod = _Pulse(0.0, depth, self._draw(*NOD_REST))
            self._vary_turn()
        if self._raise.age > self._raise.rest and tone_before <= 0.6 * ACCENT < self._tone:
            size = self._draw(*RAISE_SIZE) * min(1.0, 0.6 + 0.25 * max(0.0, tone))
            self._raise = _Pulse(0.0, size, self._draw(*RAISE_REST))

    def _move_head(self, active: float, nod: float) -> tuple[float, float, float]:
        """Advance the head by a frame and return yaw, pitch and roll.

        All in radians; yaw is positive to the face's right, pitch downwards.
        """
        yaw, roll = self._aim
        aims = (yaw, DIP_RADIANS * self._stress, roll + LEAN_RADIANS * self._tone)
        for axis, (aim, spring) in enumerate(zip(aims, SPRINGS, strict=True)):
            position, speed = self._head[axis]
            speed += spring * spring * (active * aim - position) - 2 * spring * speed
            self._head[axis] = (position + speed, speed)
        return self._head[0][0], self._head[1][0] + active * nod, self._head[2][0]
