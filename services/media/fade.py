"""Fades of sound: how long each kind lasts, and the raised cosine that shapes all of them."""

from __future__ import annotations

from typing import Final

import numpy as np

from services.common.types import Floats

STOP_FADE_SECONDS: Final = 0.008
"""Of a turn that is stopped without a fade of its own. Longer is softer; shorter clicks."""
INTERRUPT_FADE_SECONDS: Final = 0.004
"""Of a turn that the person interrupts, who is speaking already. Longer talks over them; shorter clicks."""
PAUSE_FADE_SECONDS: Final = 0.005
"""Into and out of a pause within a turn. Longer is softer and takes more of the sound; shorter clicks."""


def apply_fade(sound: Floats, offset: int, length: int, *, rising: bool) -> None:
    """Multiply `sound` in place by a raised cosine.

    Args:
        sound: Samples, shape (n,).
        offset: Samples from the start of the fade to the start of `sound`; negative if the fade starts later.
        length: Samples of the whole fade.
        rising: Whether the gain goes from 0 to 1. Falling, it goes from 1 to 0, and what follows is silence.
    """
    first, last = max(-offset, 0), min(length - offset, len(sound))
    if first < last:
        phase = (np.arange(first, last, dtype=np.float32) + (offset + 0.5)) / length
        gain = 0.5 + 0.5 * np.cos(np.pi * phase)
        sound[first:last] *= 1 - gain if rising else gain
    if offset + len(sound) > length and not rising:
        sound[max(length - offset, 0) :] = 0
