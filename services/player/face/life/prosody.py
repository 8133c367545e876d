"""Prosody: from the loudness of the character's voice on each tick to phrases, nods and raised brows.

Heads dip and brows rise on stressed syllables, and eyes and lids wait for the ends of phrases. Loudness alone is enough
to detect both, and the player has the sound before it plays.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from services.player.timeline.ticks import TICK_RATE

VOICED_DECIBELS = -46.0  # of full scale; softer counts as a pause
FALL_DECIBELS = 30.0  # below the recent loudest; what is that much softer counts as a pause, too
LOUDEST_FALL = 3.0 / TICK_RATE  # decibels a tick by which the loudest decays
PAUSE_TICKS = 15  # 250 ms without voice end a phrase; less: stops and short breaths would, more: the eyes come late
STRESS_DECIBELS = 2.5  # above the mean of the last second or so; less: it nods to every syllable
MEAN_TICKS = 60.0
ACTIVITY_TICKS = 24.0  # in which head motion rises with speech, and falls after it
NOD_SHARE = 0.7  # of stresses, when the head is free
NOD_SECONDS, NOD_RADIANS = (0.35, 0.6), (0.015, 0.05)
NOD_PAUSE_SECONDS = (0.25, 1.6)  # from the end of one nod to the next, at least
BROW_SHARE, BROW_SIZE = 0.35, (0.08, 0.2)  # of nods that raise the brows as well
BEGINNING_RADIANS = -0.015  # the head rises a little when a phrase begins
SILENCE = -100.0


@dataclass
class ProsodyCues:
    """What the voice does on one tick, and the nod and the brows that go with it."""

    voiced: bool = False
    """Whether a phrase goes on; short pauses are part of it."""
    began: bool = False
    """Whether a phrase begins."""
    ended: bool = False
    """Whether a phrase ends."""
    activity: float = 0.0
    """How much the character speaks, 0 to 1."""
    nod: float = 0.0
    """Of the head, in radians, positive downwards."""
    brows: float = 0.0
    """How far the brows are raised, 0 to 1."""


@dataclass(frozen=True)
class Pulse:
    """A motion out and back in the shape of a raised cosine."""

    start: int
    ticks: float
    size: float

    def at(self, tick: int) -> float:
        """Return the deflection on a tick."""
        share = (tick - self.start) / self.ticks
        return self.size * (0.5 - 0.5 * math.cos(2 * math.pi * share)) if 0 < share < 1 else 0.0


NO_PULSE = Pulse(0, 1.0, 0.0)


class Prosody:
    """Follows the voice of one character; `at` must be called for every tick, in order."""

    def __init__(self, random: np.random.Generator) -> None:
        """Draw all nods and brows from `random`."""
        self._random = random
        self._cues = ProsodyCues()
        self._loudest = self._mean = self._before = SILENCE
        self._rising = False
        self._quiet = PAUSE_TICKS
        self._nod = self._brows = NO_PULSE
        self._free = 0.0

    def at(self, tick: int, level: float) -> ProsodyCues:
        """Return what the voice does on a tick, on which its loudness is `level`: RMS, 0 to 1 of full scale."""
        cues, before = self._cues, self._cues.voiced
        decibels = 20 * math.log10(level) if level > 1e-5 else SILENCE
        self._loudest = max(self._loudest - LOUDEST_FALL, decibels)
        is_voice = decibels > max(VOICED_DECIBELS, self._loudest - FALL_DECIBELS)
        self._quiet = 0 if is_voice else min(self._quiet + 1, PAUSE_TICKS)
        cues.voiced = self._quiet < PAUSE_TICKS
        cues.began, cues.ended = cues.voiced and not before, before and not cues.voiced
        cues.activity += (float(cues.voiced) - cues.activity) / ACTIVITY_TICKS
        if cues.began:
            self._mean = decibels
            self._begin(tick)
        elif is_voice:
            self._detect_stress(tick, decibels)
        self._rising, self._before = decibels > self._before, decibels
        cues.nod, cues.brows = self._nod.at(tick), self._brows.at(tick)
        return cues

    def _begin(self, tick: int) -> None:
        if tick >= self._free:
            self._nod = Pulse(tick, 0.7 * TICK_RATE, BEGINNING_RADIANS)
            self._free = tick + self._nod.ticks

    def _detect_stress(self, tick: int, decibels: float) -> None:
        """Nod on a stress: where the voice is loudest for a moment, and louder than it was on the whole."""
        excess = self._before - self._mean
        self._mean += (decibels - self._mean) / MEAN_TICKS
        if not (self._rising and decibels <= self._before and excess > STRESS_DECIBELS and tick >= self._free):
            return
        random = self._random
        self._free = tick + random.uniform(0.2, 0.4) * TICK_RATE
        if random.random() > NOD_SHARE:
            return
        seconds = random.uniform(*NOD_SECONDS)
        size = random.uniform(*NOD_RADIANS) * min(1.0, 0.5 + excess / 16)
        self._nod = Pulse(tick, seconds * TICK_RATE, size)
        self._free = tick + (seconds + random.uniform(*NOD_PAUSE_SECONDS)) * TICK_RATE
        if random.random() < BROW_SHARE and tick >= self._brows.start + self._brows.ticks:
            self._brows = Pulse(tick, 1.2 * seconds * TICK_RATE, random.uniform(*BROW_SIZE))
