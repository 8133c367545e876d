"""Gaze: fixations joined by saccades, and a head that follows the point of interest.

Most saccades stay within a degree of the point of interest; some choose a new one, a few degrees away. A speaker often
looks away when a phrase begins, and back when it ends; a listener looks at the speaker.
A saccade lasts 21 ms and 2.2 ms a degree (Carpenter 1988, Movements of the Eyes).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from services.player.face.life.prosody import ProsodyCues
from services.player.timeline.ticks import TICK_RATE

MEDIAN_SECONDS, SPREAD = 0.9, 0.6  # log-normal fixations
SHORTEST_SECONDS, LONGEST_SECONDS = 0.2, 4.0
NEW_INTEREST_SHARE, LISTENING_INTEREST_SHARE = 0.2, 0.06  # of saccades; the others stay near where the eyes were
INTEREST_RADIANS = (0.07, 0.04)  # yaw and pitch, standard deviation: 4 and 2.3 degrees
MOST_RADIANS = (0.2, 0.12)  # off the middle
MICRO_RADIANS, MICRO_MOST = 0.014, 0.03  # 0.8 and 1.7 degrees
AVERSION_SHARE, AVERSION_TIMES = 0.45, 1.6  # of beginnings of phrases, and times the radians of an interest
RETURN_SHARE, RETURN_RADIANS = 0.7, (0.015, 0.01)  # of ends of phrases
SACCADE_SECONDS, SACCADE_SECONDS_PER_RADIAN = 0.021, 0.0022 * 180 / math.pi
LEAST_TICKS = 2.0  # of a saccade; a tick has 17 ms, so less would jump
HEAD_SHARE = 0.3  # of an interest that the head takes over
HEAD_TICKS = 18.0  # time constant of the head: 300 ms

Angles = npt.NDArray[np.float64]
"""Yaw and pitch in radians, positive to the face's right and down, as in Live Link; shape (2,)."""


class GazeAngles(NamedTuple):
    """Eyes and head on one tick, in radians; yaw is positive to the face's right, pitch downwards."""

    eye_yaw: float
    eye_pitch: float
    head_yaw: float
    head_pitch: float
    shift: float
    """Radians of an eye movement that begins on this tick; 0 without one."""


class Gaze:
    """The gaze of one face; `at` must be called for every tick, in order."""

    def __init__(self, random: np.random.Generator) -> None:
        """Draw all directions and durations from `random`."""
        self._random = random
        self._interest = np.zeros(2)
        self._before = self._goal = np.zeros(2)
        self._start, self._ticks = 0.0, LEAST_TICKS
        self._next = 0.0
        self._head = [[0.0, 0.0], [0.0, 0.0]]  # angle and speed, of yaw and of pitch

    def at(self, tick: int, cues: ProsodyCues, *, listening: bool) -> GazeAngles:
        """Return the angles of eyes and head on a tick.

        Args:
            tick: Index of the tick.
            cues: What the voice does on this tick.
            listening: Whether somebody speaks to the character.
        """
        shift = self._turn(tick, cues)
        while tick >= self._next:
            start = self._next
            shift = max(shift, self._saccade(start, self._target(listening=listening)))
            self._next = start + self._fixation()
        share = min((tick - self._start) / self._ticks, 1.0)
        eyes = self._before + (self._goal - self._before) * (0.5 - 0.5 * math.cos(math.pi * max(share, 0.0)))
        head = self._follow()
        return GazeAngles(float(eyes[0]) - head[0], float(eyes[1]) - head[1], *head, shift)

    def _turn(self, tick: int, cues: ProsodyCues) -> float:
        """Look away when a phrase begins, and back when it ends; return how far the eyes turn, in radians."""
        random = self._random
        if cues.began and random.random() < AVERSION_SHARE:
            self._interest = _bounded(AVERSION_TIMES * random.normal(0, INTEREST_RADIANS))
        elif cues.ended and random.random() < RETURN_SHARE:
            self._interest = random.normal(0, RETURN_RADIANS)
        else:
            return 0.0
        self._next = max(self._next, tick + self._fixation())
        return self._saccade(tick, self._interest)

    def _saccade(self, start: float, goal: Angles) -> float:
        """Start a saccade at `start`; return its size in radians."""
        share = min(max((start - self._start) / self._ticks, 0.0), 1.0)
        here = self._before + (self._goal - self._before) * (0.5 - 0.5 * math.cos(math.pi * share))
        self._before, self._goal = here, goal
        distance = float(math.hypot(*(goal - here)))
        self._start = start
        self._ticks = max(LEAST_TICKS, TICK_RATE * (SACCADE_SECONDS + SACCADE_SECONDS_PER_RADIAN * distance))
        return distance

    def _target(self, *, listening: bool) -> Angles:
        if self._random.random() < (LISTENING_INTEREST_SHARE if listening else NEW_INTEREST_SHARE):
            self._interest = _bounded(self._random.normal(0, INTEREST_RADIANS) * (0.4 if listening else 1.0))
        return self._interest + np.clip(self._random.normal(0, MICRO_RADIANS, 2), -MICRO_MOST, MICRO_MOST)

    def _fixation(self) -> float:
        """Draw the ticks until the next saccade."""
        seconds = self._random.lognormal(math.log(MEDIAN_SECONDS), SPREAD)
        return float(np.clip(seconds, SHORTEST_SECONDS, LONGEST_SECONDS)) * TICK_RATE

    def _follow(self) -> tuple[float, float]:
        """Let the head follow the interest, critically damped, for a tick; return its yaw and pitch."""
        stiffness = 1 / HEAD_TICKS
        for angle, interest in zip(self._head, self._interest.tolist(), strict=True):
            angle[1] += stiffness * (stiffness * (HEAD_SHARE * interest - angle[0]) - 2 * angle[1])
            angle[0] += angle[1]
        return self._head[0][0], self._head[1][0]


def _bounded(angles: Angles) -> Angles:
    return np.clip(angles, np.negative(MOST_RADIANS), MOST_RADIANS)
