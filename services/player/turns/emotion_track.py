"""The emotions of one turn: keys by time in, the strength of each emotion at a time out."""

from __future__ import annotations

from bisect import bisect_right

import numpy as np

from services.common.types import Weights
from services.media.emotions import NO_EMOTIONS

MAX_HELD = 1024  # keys ahead; more are dropped: at ten a second that is a minute and a half
CHANGE = 0.02  # of any emotion between two frames that makes a key; less: dozens of keys without a visible difference


class EmotionTrack:
    """Emotions by time. A key holds until the next one."""

    def __init__(self) -> None:
        self._times: list[float] = []
        self._keys: list[Weights] = []
        self._explicit = False

    def push(self, seconds: float, weights: Weights, *, explicit: bool) -> None:
        """Add a key.

        Args:
            seconds: Time of the turn from which it holds.
            weights: Strength of each emotion, 0 to 1, shape (7,).
            explicit: Whether the sender sent it as a key; such keys replace those that come with frames.
        """
        if explicit and not self._explicit:
            self._explicit = True
            self._times.clear()
            self._keys.clear()
        if explicit == self._explicit and len(self._times) < MAX_HELD:
            place = bisect_right(self._times, seconds)
            self._times.insert(place, seconds)
            self._keys.insert(place, weights)

    def at(self, seconds: float) -> Weights:
        """Return the strength of each emotion at a time, shape (7,); earlier keys are dropped."""
        past = bisect_right(self._times, seconds) - 1
        if past > 0:
            del self._times[:past], self._keys[:past]
        return self._keys[0] if past >= 0 else NO_EMOTIONS


def changes(emotions: Weights, before: Weights) -> list[int]:
    """Return the rows of emotions (n, 7) that differ by `CHANGE` from the last such row; the first from `before`."""
    rows = []
    for row, weights in enumerate(emotions):
        if np.abs(weights - before).max() >= CHANGE:
            rows.append(row)
            before = weights
    return rows
