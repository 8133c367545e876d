"""Blends speech over idle life, from whatever pose the face is in, without a jump."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from services.common.types import Weights
from services.media.curves import CHEEKS, CURVE_COUNT, MOUTH, TONGUE, clamp

FAST_TICKS = 6  # 100 ms: mouth, jaw, cheeks and tongue; fewer jumps, more smears the first sounds
SLOW_TICKS = 18  # 300 ms: lids, gaze, brows and head
STARVED_TICKS = 5  # 83 ms: the mouth, when frames run out

SPOKEN = np.zeros(CURVE_COUNT, bool)
"""Curves that speech takes from idle life; on the others it comes on top."""
SPOKEN[MOUTH] = SPOKEN[CHEEKS] = SPOKEN[TONGUE] = True


class Blend:
    """The blend of one face. When its source changes, the step from the old pose to the new becomes a fading offset.

    So the new source counts from its first frame, a change can come at any moment, also during another one, and a
    curve moves by at most its own motion plus a fifth (mostly a sixth) of the offset a tick.
    """

    def __init__(self) -> None:
        self._before: Weights | None = None  # the pose of the tick before
        self._shown: Weights | None = None
        self._tick = -1
        self._offset = np.zeros(CURVE_COUNT, np.float32)
        self._durations = np.ones(CURVE_COUNT, np.float32)
        self._since = 0
        self._source: object = None

    def step(
        self, tick: int, idle: Weights, speech: Weights | None, brought: npt.NDArray[np.bool_] | None, source: object
    ) -> Weights:
        """Return the pose of one tick, shape (61,), every curve within its legal range.

        Args:
            tick: Index of the tick; ticks may be skipped, and one may be repeated: its last pose counts.
            idle: The pose without speech, shape (61,).
            speech: The pose that speech wants, shape (61,), 0 for curves that it lacks; None: rest.
            brought: Which curves `speech` holds, shape (61,); None: none.
            source: Compares equal from tick to tick while the speech is of one source; None at rest.
        """
        target = idle
        if speech is not None and brought is not None:
            target = clamp(np.where(brought & SPOKEN, speech, idle + speech))
        if tick != self._tick:
            self._before, self._tick = self._shown, tick
        if source != self._source:
            if self._before is not None:
                self._offset = self._before - target
            fast = FAST_TICKS if source is not None else STARVED_TICKS
            self._durations = np.where(SPOKEN, np.float32(fast), np.float32(SLOW_TICKS))
            self._since, self._source = tick, source
        elapsed = tick - self._since + 1
        if elapsed < SLOW_TICKS:
            left = np.maximum(0, 1 - np.float32(elapsed) / self._durations)
            target = target + self._offset * left
        self._shown = clamp(target)
        return self._shown
