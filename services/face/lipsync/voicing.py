"""Voicing gate: the jaw and lips open fully only where voiced sound was detected within the last half second or so.

The network takes a breath for a long /h/ now and then. Vowels are voiced, so the mouth may open for voicing, which the
look-ahead detects before the frame is due. Closing, rounding and stretching are left alone: a "shh" has a lip shape.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from services.common.types import Floats, Weights
from services.media.curves import CURVE_NAMES

MEMORY_FRAMES = 36
"""Frames within which voicing counts: 0.6 s. Fewer: stops and sibilants in a row close the jaw; more: breaths after
words open it."""
ENOUGH = 3
"""Voiced frames within that time that open the gate. Fewer: resonances of noise suffice; more: short words open late.
"""
UNVOICED = 0.25
"""Share of the opening that remains while the gate is closed. 0: whispering moves nothing; 1: every breath moves the
jaw."""
OPENING_FRAMES, CLOSING_FRAMES = 1.5, 10.0
"""Time constants of the share, frames."""
_COLUMNS = [
    index
    for index, name in enumerate(CURVE_NAMES)
    if name.startswith(("JawOpen", "JawForward", "MouthLowerDown", "MouthUpperUp"))
]


class VoicingGate:
    """The gate of one stream."""

    def __init__(self) -> None:
        """Start in silence."""
        self._voiced = [False] * MEMORY_FRAMES
        self._at = self._count = 0
        self._share = UNVOICED

    def copy(self) -> VoicingGate:
        """Return an independent copy that continues from the same state."""
        twin = VoicingGate()
        vars(twin).update(vars(self))
        twin._voiced = list(self._voiced)
        return twin

    def apply(self, frames: Weights, pitch: Floats) -> None:
        """Reduce the opening of frames, shape (n, 61), in place, where there is no voiced sound.

        Args:
            frames: of the mouth.
            pitch: of each frame, hertz, 0 where it is unvoiced; shape (n,).
        """
        shares = np.array(list(self._shares((pitch > 0).tolist())), np.float32)
        frames[:, _COLUMNS] *= shares[:, None]

    def _shares(self, voiced: Iterable[bool]) -> Iterable[float]:
        for is_voiced in voiced:
            self._count += is_voiced - self._voiced[self._at]
            self._voiced[self._at] = is_voiced
            self._at = (self._at + 1) % MEMORY_FRAMES
            aim, frames = (1.0, OPENING_FRAMES) if self._count >= ENOUGH else (UNVOICED, CLOSING_FRAMES)
            self._share += (aim - self._share) / frames
            yield self._share
