"""The emotions of one turn: keys in order of their time in, the strength of each emotion at a time out."""

from __future__ import annotations

from bisect import bisect_right

import numpy as np

from services.common.types import Weights
from services.media.emotions import NO_EMOTIONS

MAX_HELD = 1024  # keys ahead; the sender of more has them dropped: at ten a second that is a minute and a half
CHANGE = 0.02  # of any emotion, from one frame to the next that counts; less: keys by the dozen that nobody sees


class FeelingTrack:
    """Emotions by time. A key holds until the next one."""

    def __init__(self) -> None:
        self._times: list[float] = []
        self._keys: list[Weights] = []
        self._told = False

    def push(self, seconds: float, weights: Weights, *, told: bool) -> None:
        """Take a key.

        Args:
            seconds: Time of the turn from which it holds.
            weights: Strength of each emotion, 0 to 1, shape (7,).
            told: Whether the sender tells it by itself; keys that come with frames give way to those.
        """
        if told and not self._told:
            self._told = True
            self._times.clear()
            self._keys.clear()
        if told == self._told and len(self._times) < MAX_HELD:
            place = bisect_right(self._times, seconds)
            self._times.insert(place, seconds)
            self._keys.insert(place, weights)

    def at(self, seconds: float) -> Weights:
        """Return what is felt at a time, shape (7,); what lies before is forgotten."""
        past = bisect_right(self._times, seconds) - 1
        if past > 0:
            del self._times[:past], self._keys[:past]
        return self._keys[0] if past >= 0 else NO_EMOTIONS


def changes(emotions: Weights, before: Weights) -> list[int]:
    """Return the rows of emotions (n, 7) that differ from the one that counted last, at first `before` (7,)."""
    rows = []
    for row, weights in enumerate(emotions):
        if np.abs(weights - before).max() >= CHANGE:
            rows.append(row)
            before = weights
    return rows
