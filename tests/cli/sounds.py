"""Sounds for tests."""

from __future__ import annotations

import numpy as np

from services.media.sound import Sound

RATE = 24_000


def babble(seconds: float, rate: int = RATE) -> Sound:
    """A buzz that swells and fades four times a second, as syllables do: it moves the mouth."""
    time = np.arange(round(seconds * rate)) / rate
    buzz = sum(np.sin(2 * np.pi * 120 * harmonic * time) / harmonic for harmonic in range(1, 30))
    return Sound((9000 * np.sin(np.pi * 4 * time) ** 2 * buzz).clip(-32768, 32767).astype(np.int16), rate)
