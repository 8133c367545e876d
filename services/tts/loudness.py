"""Raises a quiet voice to a usual level without clipping: a gain, then a soft-knee limiter for the peaks."""

from __future__ import annotations

import numpy as np

from services.common.types import Floats, Pcm

KNEE = 0.6  # of full scale; below, the sound is only louder; lower: softer peaks but more distortion
CEILING = 0.92  # no sample exceeds it; leaves room for what resampling adds


def amplify(samples: Floats, decibels: float) -> Pcm:
    """Return `samples` (-1 to 1) raised by `decibels`, as PCM16 of at most `CEILING`.

    Each sample is computed alone, so pieces of a stream join without a click.
    """
    raised = samples * np.float32(10 ** (decibels / 20))
    size = np.abs(raised)
    bent = KNEE + (CEILING - KNEE) * np.tanh((size - KNEE) / (CEILING - KNEE))
    limited = np.where(size > KNEE, np.copysign(bent, raised), raised)
    pcm: Pcm = np.rint(limited * 32767).astype(np.int16)
    return pcm
