"""Resampling and peak normalisation of a clip for the network's features: mono float32 at 88 200 Hz, peak 1."""

from __future__ import annotations

from math import ceil

import numpy as np
import soxr

from services.common.types import Floats

SAMPLE_RATE = 88_200
"""Hertz. Frames of 1/60 s and their halves are whole numbers of samples."""


def at_model_rate(sound: Floats, rate: int) -> Floats:
    """Return mono `sound` at 88 200 Hz, shape (ceil(n * 88200 / rate),), resampled with soxr's quality HQ."""
    if rate == SAMPLE_RATE:
        return sound
    length = ceil(len(sound) * SAMPLE_RATE / rate)
    resampled = soxr.resample(sound, rate, SAMPLE_RATE, quality="HQ")[:length]
    return resampled if len(resampled) == length else np.pad(resampled, (0, length - len(resampled)))


def normalised(sound: Floats) -> Floats:
    """Return `sound` scaled so that its peak is 1; silence stays as it is."""
    peak = np.abs(sound).max(initial=0.0)
    return sound / peak if peak > 0 else sound
