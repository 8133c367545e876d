"""The melody of the voice that plays: how loud it is on each tick in, phrases, nods and raised brows out.

A face that speaks does not move to a clock of its own: heads dip and brows rise on stressed syllables, and eyes and
lids wait for the ends of phrases. Loudness alone tells both well enough, and the player has the sound before it plays.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from services.player.timeline.ticks import TICK_RATE

VOICED_DECIBELS = -46.0  # of full scale; softer counts as a pause
FALL_DECIBELS = 30.0  # below the loudest of late; what is that much softer counts as a pause, too
LOUDEST_FALL = 3.0 / TICK_RATE  # decibels a tick by which the loudest is forgotten
PAUSE_TICKS = 15  # 250 ms without voice end a phrase; less: stops and short breaths would, more: the eyes come late
STRESS_DECIBELS = 2.5  # above the mean of the last second or so; less: it nods to every syllable
MEAN_TICKS = 60.0
ACTIVITY_TICKS = 24.0  # in which the head gets going, and calms down
NOD_SHARE = 0.7  # of stresses, when the head is free
NOD_SECONDS, NOD_RADIANS = (0.35, 0.6), (0.015, 0.05)
NOD_PAUSE_SECONDS = (0.25, 1.6)  # from the end of one nod to the next, at least
BROW_SHARE, BROW_SIZE = 0.35, (0.08, 0.2)  # of nods that raise the brows as well
BEGINNING_RADIANS = -0.015  # the head rises a little when a phrase begins
SILENCE = -100.0


@dataclass
class Melody:
    """What the voice does on one tick."""

    voiced: bool = False
    """Whether a phrase goes on; short pauses are part of it."""
    began: bool = False
    """Whether a phrase begins."""
    ended: bool = False
    """Whether a phrase ends."""
    activity: float = 0.0
    """How much the face speaks, 0 to 1."""
    nod: float = 0.0
    """Of the head, in radians, positive downwards."""
    brows: float = 0.0
    """How far the brows are raised, 0 to 1."""


@dataclass(frozen=True)
class Pulse:
    """A motion there and back: half of its time out, half of it back, level at both ends."""

    start: int
    ticks: float
    size: float

    def at(self, tick: int) -> float:
        """Return how far it is out."""
        share = (tick - self.start) / self.ticks
        return self.size * (0.5 - 0.5 * math.cos(2 * math.pi * share)) if 0 < share < 1 else 0.0


NOTHING = Pulse(0, 1.0, 0.0)


class Prosody:
    """Follows one face's voice; told of every tick, in order."""

    def __init__(self, random: np.random.Generator) -> None:
        """Nod as `random` decides."""
        self._random = random
        self._melody = Melody()
        self._loudest = self._mean = self._before = SILENCE
        self._rising = False
        self._quiet = PAUSE_TICKS
        self._nod = self._brows = NOTHING
        self._free = 0.0

    def at(self, tick: int, level: float) -> Melody:
        """Return what the voice does on a tick, on which its loudness is `level`: RMS, 0 to 1 of full scale."""
        melody, before = self._melody, self._melody.voiced
        decibels = 20 * math.log10(level) if level > 1e-5 else SILENCE
        self._loudest = max(self._loudest - LOUDEST_FALL, decibels)
        is_voice = decibels > max(VOICED_DECIBELS, self._loudest - FALL_DECIBELS)
        self._quiet = 0 if is_voice else min(self._quiet + 1, PAUSE_TICKS)
        melody.voiced = self._quiet < PAUSE_TICKS
        melody.began, melody.ended = melody.voiced and not before, before and not melody.voiced
        melody.activity += (float(melody.voiced) - melody.activity) / ACTIVITY_TICKS
        if melody.began:
            self._mean = decibels
            self._begin(tick)
        elif is_voice:
            self._listen(tick, decibels)
        self._rising, self._before = decibels > self._before, decibels
        melody.nod, melody.brows = self._nod.at(tick), self._brows.at(tick)
        return melody

    def _begin(self, tick: int) -> None:
        if tick >= self._free:
            self._nod = Pulse(tick, 0.7 * TICK_RATE, BEGINNING_RADIANS)
            self._free = tick + self._nod.ticks

    def _listen(self, tick: int, decibels: float) -> None:
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
