"""A jaw that opens for voices: sound without any pitch for half a second is breath or hiss, whatever it resembles.

The network hears a breath as a long /h/ now and then. Vowels are voiced, so the mouth opens for voicing, which the
look-ahead hears before the frame is due. Closing, rounding and stretching are left alone: a "shh" has a shape.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from services.common.types import Floats, Weights
from services.media.curves import CURVE_NAMES

MEMORY_FRAMES = 36
"""For which voicing is remembered: 0.6 s. Less: stops and sibilants that follow each other close the jaw; more: breaths
after words open it."""
ENOUGH = 3
"""Voiced frames in that time that make a voice. Fewer: resonances of noise suffice; more: short words begin late."""
UNVOICED = 0.25
"""Share of the opening that remains without a voice. 0: whispering is mute; 1: every breath moves the jaw."""
OPENING_FRAMES, CLOSING_FRAMES = 1.5, 10.0
"""In which the share follows."""
_COLUMNS = [
    index
    for index, name in enumerate(CURVE_NAMES)
    if name.startswith(("JawOpen", "JawForward", "MouthLowerDown", "MouthUpperUp"))
]


class Voicing:
    """Follows one voice, frame by frame."""

    def __init__(self) -> None:
        """Start in silence."""
        self._voiced = [False] * MEMORY_FRAMES
        self._at = self._count = 0
        self._share = UNVOICED

    def copy(self) -> Voicing:
        """Return a follower that goes on from here on its own."""
        twin = Voicing()
        vars(twin).update(vars(self))
        twin._voiced = list(self._voiced)
        return twin

    def hold(self, frames: Weights, pitch: Floats) -> None:
        """Hold the opening of frames, shape (n, 61), in place, where no voice was heard.

        Args:
            frames: of the mouth.
            pitch: heard with each of them, hertz, 0 where nothing is voiced; shape (n,).
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
