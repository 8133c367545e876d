"""Brows, lids' tension, nose and head from the melody of the voice: what a mouth alone leaves out.

No captured face taught this; it is a rule. People raise the brows on some accents of pitch, dip the head on accents
of loudness, lean with the melody, and turn the head from phrase to phrase (Cave et al., "About the
relationship between eyebrow movements and F0 variations", 1996; Munhall et al., "Visual prosody and speech
intelligibility", 2004). So: accents are found against the voice's own running mean, some of them become a motion of
human length and size, and the head follows like a mass on a spring. It moves only while the mouth speaks, so that
noise and music leave it at rest; the same sound always gives the same motion. Blinks and gaze are the player's.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from services.common.types import FRAME_RATE, Floats, Weights
from services.face.lipsync.pitch_level import Heard
from services.media.curves import CURVE_COUNT, CURVE_NAMES, INDEX

OPEN = 0.05
"""Of JawOpen plus half of both lips' opening, above which a mouth speaks."""
MEMORY_FRAMES = 4.0 * FRAME_RATE
"""Over which a voice's mean pitch and level are formed. Less: long accents vanish; more: a new speaker is misjudged."""
ACTIVITY_FRAMES = 14.0
"""In which the face comes alive, and to rest."""
PAUSE_FRAMES = 15
"""Without an open mouth that end a phrase: 250 ms."""
MELODY_FRAMES = 5.0
"""Over which pitch and level are smoothed; the model's look-ahead pays for it."""
FLAT_SEMITONES, FLAT_DECIBELS = 2.0, 4.0
"""Least standard deviations counted with: a monotonous voice does not raise its brows at every breath."""
ACCENT = 0.9
"""Deviations above the mean that make an accent."""
NOD_SECONDS, NOD_RADIANS, NOD_REST = 0.45, (0.025, 0.06), (0.5, 1.4)
"""Length and depth of a dip of the head, and seconds from one to the next."""
RAISE_SECONDS, RAISE_SIZE, RAISE_REST = 0.55, (0.10, 0.26), (1.6, 4.5)
"""Length and size of a raise of the brows, and seconds from one to the next: 8 to 20 a minute of speech."""
FOLLOW = 0.10
"""The brows rise by this with a deviation of pitch, between their larger motions."""
DIP_RADIANS, LEAN_RADIANS = 0.024, 0.012
"""The head dips by this with a deviation of loudness, and leans aside with one of pitch, between its larger motions."""
TURN_RADIANS, TILT_RADIANS = (0.015, 0.08), (0.008, 0.04)
"""Yaw and roll that a phrase brings."""
SPRINGS = tuple(2 * math.pi * hertz / FRAME_RATE for hertz in (0.9, 2.5, 1.5))
"""Of yaw, pitch and roll, radians a frame, critically damped. Lower: a heavier head, that comes later."""
GOLDEN = (math.sqrt(5) - 1) / 2

MOVED = (
    "BrowDownLeft BrowDownRight BrowInnerUp BrowOuterUpLeft BrowOuterUpRight EyeSquintLeft EyeSquintRight EyeWideLeft "
    "EyeWideRight NoseSneerLeft NoseSneerRight HeadYaw HeadPitch HeadRoll"
).split()
"""Curves of this layer."""
_COLUMNS = [INDEX[name] for name in MOVED]
_OPENING = np.zeros(CURVE_COUNT, np.float32)
for _name, _share in {"JawOpen": 1.0, "MouthLowerDown": 0.25, "MouthUpperUp": 0.25}.items():
    for _column, _curve in enumerate(CURVE_NAMES):
        if _curve.removesuffix("Left").removesuffix("Right") == _name:
            _OPENING[_column] = _share


@dataclass
class _Pulse:
    """A motion there and back."""

    age: float = math.inf
    """Seconds since it began."""
    size: float = 0.0
    rest: float = 0.0
    """Seconds from its beginning until another may begin."""

    def at(self, seconds: float) -> float:
        """Return how far it is out, if it lasts `seconds`."""
        return self.size * (0.5 - 0.5 * math.cos(2 * math.pi * self.age / seconds)) if self.age < seconds else 0.0


@dataclass
class _Mean:
    """A running mean and deviation, exact at first, forgetting later."""

    count: float = 0.0
    mean: float = 0.0
    variance: float = 0.0

    def add(self, value: float) -> None:
        self.count = min(self.count + 1, MEMORY_FRAMES)
        away = value - self.mean
        self.mean += away / self.count
        self.variance += (away * away - self.variance) / self.count

    def score(self, value: float, least: float) -> float:
        """Return how many deviations, of at least `least`, a value lies above the mean; within -2.5 and 2.5."""
        return max(-2.5, min(2.5, (value - self.mean) / max(math.sqrt(self.variance), least)))


class UpperFace:
    """One face above its mouth."""

    def __init__(self) -> None:
        self._pitch, self._level = _Mean(), _Mean()
        self._tone = self._stress = 0.0  # smoothed scores of pitch and level
        self._before = (0.0, 0.0)
        self._recent: tuple[float, ...] = ()  # semitones
        self._activity = 0.0
        self._quiet, self._phrases, self._events = PAUSE_FRAMES, 0, 0
        self._nod, self._raise = _Pulse(), _Pulse()
        self._aim = (0.0, 0.0)  # yaw and roll of the phrase
        self._head = [(0.0, 0.0)] * 3  # yaw, pitch, roll: place and speed

    def copy(self) -> UpperFace:
        """Return a face that goes on from here on its own."""
        twin = UpperFace()
        vars(twin).update(vars(self))
        for name in ("_pitch", "_level", "_nod", "_raise"):
            setattr(twin, name, replace(getattr(self, name)))
        twin._head = list(self._head)
        return twin

    def add(self, frames: Weights, heard: Heard) -> None:
        """Add this layer's curves to frames of the mouth, shape (n, 61), in place; they go with the rows of `heard`."""
        if len(frames):
            openings = frames @ _OPENING
            sneer = frames[:, INDEX["MouthUpperUpLeft"]]
            steps = zip(openings.tolist(), sneer.tolist(), heard.pitch.tolist(), heard.level.tolist(), strict=True)
            layer: Floats = np.array([self._step(*step) for step in steps], np.float32)
            frames[:, _COLUMNS] += layer

    def _step(self, opening: float, sneer: float, pitch: float, level: float) -> tuple[float, ...]:
        """Return the layer's curves for one frame, in the order of `MOVED`."""
        speaking = opening > OPEN
        self._activity += (float(speaking or self._quiet < PAUSE_FRAMES) - self._activity) / ACTIVITY_FRAMES
        if speaking and self._quiet >= PAUSE_FRAMES:
            self._begin()
        self._quiet = 0 if speaking else min(self._quiet + 1, PAUSE_FRAMES)
        self._listen(speaking, pitch, level)
        brows, nod = self._raise.at(RAISE_SECONDS), self._nod.at(NOD_SECONDS)
        for pulse in (self._nod, self._raise):
            pulse.age += 1 / FRAME_RATE
        alive = self._activity if self._activity > 1e-3 else 0.0
        yaw, lift, roll = self._turn(alive, nod)
        low, loud, high = max(0.0, -self._tone), max(0.0, self._stress), max(0.0, self._tone)
        inner = alive * (brows + FOLLOW * high)
        outer = alive * 0.75 * (brows + FOLLOW * high)
        down = alive * max(0.0, 0.035 * low + 0.02 * loud - 0.3 * brows)
        squint = alive * max(0.0, 0.03 + 0.03 * loud - 0.15 * brows)
        wide = alive * 0.35 * brows
        nose = 0.25 * sneer + alive * 0.01 * loud
        return down, down, inner, outer, outer, squint, squint, wide, wide, nose, nose, yaw, lift, roll

    def _draw(self, low: float, high: float) -> float:
        """Return the next of an even, never repeating series."""
        self._events += 1
        return low + (high - low) * math.fmod(self._events * GOLDEN, 1.0)

    def _begin(self) -> None:
        """Look a little to the other side, for a new phrase."""
        self._phrases += 1
        self._aim_anew()

    def _aim_anew(self) -> None:
        """Turn further, or less far, to the phrase's side."""
        side = 1.0 if self._phrases % 2 else -1.0
        self._aim = (side * self._draw(*TURN_RADIANS), -side * self._draw(*TILT_RADIANS))

    def _listen(self, speaking: bool, pitch: float, level: float) -> None:
        """Follow melody and loudness, and answer some of their peaks."""
        tone = stress = 0.0
        if speaking:
            self._level.add(level)
            stress = self._level.score(level, FLAT_DECIBELS)
            tone = self._tone  # an unvoiced sound does not end a melody
            if pitch:
                self._recent = (*self._recent[-4:], 12 * math.log2(pitch))
                semitones = sorted(self._recent)[len(self._recent) // 2]  # the median: octave errors are short
                self._pitch.add(semitones)
                tone = self._pitch.score(semitones, FLAT_SEMITONES)
        self._tone += (tone - self._tone) / MELODY_FRAMES
        self._stress += (stress - self._stress) / MELODY_FRAMES
        tone_before, stress_before = self._before
        self._before = self._tone, self._stress
        if self._nod.age > self._nod.rest and stress_before <= 0.35 * ACCENT < self._stress:
            depth = self._draw(*NOD_RADIANS) * min(1.0, 0.6 + 0.3 * max(0.0, stress))
            self._nod = _Pulse(0.0, depth, self._draw(*NOD_REST))
            self._aim_anew()
        if self._raise.age > self._raise.rest and tone_before <= 0.6 * ACCENT < self._tone:
            size = self._draw(*RAISE_SIZE) * min(1.0, 0.6 + 0.25 * max(0.0, tone))
            self._raise = _Pulse(0.0, size, self._draw(*RAISE_REST))

    def _turn(self, alive: float, nod: float) -> tuple[float, float, float]:
        """Return yaw, pitch and roll of the head, radians; pitch is positive downwards, yaw to the face's right."""
        yaw, roll = self._aim
        aims = (yaw, DIP_RADIANS * self._stress, roll + LEAN_RADIANS * self._tone)
        for axis, (aim, spring) in enumerate(zip(aims, SPRINGS, strict=True)):
            place, speed = self._head[axis]
            speed += spring * spring * (alive * aim - place) - 2 * spring * speed
            self._head[axis] = (place + speed, speed)
        return self._head[0][0], self._head[1][0] + alive * nod, self._head[2][0]
