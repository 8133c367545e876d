"""Blinks: when the lids close, and how far.

People blink 15 to 20 times a minute at rest, at intervals that are far from even: most of 2 to 4 s, some of 10. One in
twelve comes double, one in eight does not close the eye. Listeners blink less; speakers blink at the ends of
phrases; a large eye movement often triggers a blink.

Sources: rates at rest, in conversation and attention, Bentivoglio et al. 1997, Movement Disorders 12(6); closing faster
than opening, and their lengths, a Live Link Face recording.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from services.player.face.life.prosody import ProsodyCues
from services.player.timeline.ticks import TICK_RATE

MEDIAN_SECONDS, SPREAD = 3.2, 0.62  # log-normal intervals: 15 a minute; with doubles and eye movements 18
SHORTEST_SECONDS, LONGEST_SECONDS = 0.6, 14.0
DOUBLE_SHARE, DOUBLE_SECONDS = 0.08, (0.06, 0.2)  # of blinks that another follows, and how soon after their end
PARTIAL_SHARE, PARTIAL_DEPTHS = 0.12, (0.4, 0.75)
FULL_DEPTHS = (0.88, 1.0)
CLOSING_TICKS, OPENING_TICKS = (4.0, 5.5), (7.0, 13.0)  # 67 to 92 ms, 117 to 217 ms
LAG_TICKS = 0.4  # of one lid behind the other, at most
LISTENING, SPEAKING = 1.4, 0.8  # times the interval
MAX_WAIT_SECONDS = (1.0, 3.5)  # that a blink which is due waits for the end of a phrase
RELEASE_SHARE, RELEASE_SECONDS = 0.5, (0.05, 0.3)  # of ends of phrases that bring a blink, and how soon
SHIFT_RADIANS, SHIFT_SHARE = 0.09, 0.35  # an eye movement that may bring a blink, and how often it does
REST_SECONDS = 1.0  # after a blink, before anything but a double brings the next


@dataclass(frozen=True)
class Blink:
    """One blink."""

    start: float
    closing: float
    """Ticks."""
    opening: float
    """Ticks."""
    depth: float
    """How far the lids close, 0 to 1."""

    @property
    def end(self) -> float:
        """Tick at which the lids are open again."""
        return self.start + self.closing + self.opening

    def at(self, tick: float) -> float:
        """Return how far the lids are closed: 0 open, 1 shut."""
        passed = tick - self.start
        if passed <= 0 or tick >= self.end:
            return 0.0
        share = passed / self.closing if passed < self.closing else 1 - (passed - self.closing) / self.opening
        return self.depth * (0.5 - 0.5 * math.cos(math.pi * share))


class Blinks:
    """The blinks of one face; `at` must be called for every tick, in order."""

    def __init__(self, random: np.random.Generator) -> None:
        """Draw all intervals and depths from `random`."""
        self._random = random
        self._blink = Blink(-1e6, 1.0, 1.0, 0.0)
        self._due = random.uniform(0.5, 3.0) * TICK_RATE
        self._max_wait = 0.0
        self._waited = False
        self._lag = random.uniform(-LAG_TICKS, LAG_TICKS)

    def at(self, tick: int, cues: ProsodyCues, *, listening: bool, shift: float) -> tuple[float, float]:
        """Return how far the left and the right lid are closed: 0 open, 1 shut.

        Args:
            tick: Index of the tick.
            cues: What the voice does on this tick.
            listening: Whether somebody speaks to the character.
            shift: Radians of an eye movement that begins on this tick.
        """
        random = self._random
        if cues.ended and random.random() < RELEASE_SHARE:
            self._hasten(tick + random.uniform(*RELEASE_SECONDS) * TICK_RATE)
        if shift > SHIFT_RADIANS and random.random() < SHIFT_SHARE:
            self._hasten(tick)
        while tick >= self._due:
            if cues.voiced and tick < self._due + self._max_wait:
                self._waited = True
                break
            self._begin(tick if self._waited else self._due, cues, listening=listening)
        return self._blink.at(tick - max(self._lag, 0)), self._blink.at(tick + min(self._lag, 0))

    def _hasten(self, tick: float) -> None:
        """Move the next blink forward to `tick`, unless the last one has only just ended."""
        if tick > self._blink.end + REST_SECONDS * TICK_RATE:
            self._due = min(self._due, tick)

    def _begin(self, start: float, cues: ProsodyCues, *, listening: bool) -> None:
        """Start a blink, and draw when the next one is due."""
        random = self._random
        depths = PARTIAL_DEPTHS if random.random() < PARTIAL_SHARE else FULL_DEPTHS
        self._blink = blink = Blink(
            start, random.uniform(*CLOSING_TICKS), random.uniform(*OPENING_TICKS), random.uniform(*depths)
        )
        self._waited = False
        if random.random() < DOUBLE_SHARE:
            self._due, self._max_wait = blink.end + random.uniform(*DOUBLE_SECONDS) * TICK_RATE, 0.0
            return
        seconds = random.lognormal(math.log(MEDIAN_SECONDS), SPREAD)
        seconds *= LISTENING if listening else SPEAKING if cues.voiced else 1.0
        self._due = start + float(np.clip(seconds, SHORTEST_SECONDS, LONGEST_SECONDS)) * TICK_RATE
        self._max_wait = random.uniform(*MAX_WAIT_SECONDS) * TICK_RATE
