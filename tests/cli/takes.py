"""Takes for tests."""

from __future__ import annotations

import numpy as np

from services.media.curves import CURVE_COUNT, INDEX
from services.media.frames import frame_count
from services.media.takes.take_folder import Take
from services.media.takes.take_info import TakeInfo

JAW = INDEX["JawOpen"]


WIDE = 0.83  # of JawOpen in every frame of the takes here; idle life never opens the jaw like that


def made_take(seconds: float, rate: int = 24_000, *, emotions: bool = False) -> Take:
    pcm = (8000 * np.sin(2 * np.pi * 440 * np.arange(round(seconds * rate)) / rate)).astype(np.int16)
    weights = np.zeros((frame_count(len(pcm), rate), CURVE_COUNT), np.float32)
    weights[:, JAW] = WIDE
    strengths = np.zeros((len(weights), 7), np.float32) if emotions else None
    if strengths is not None:
        strengths[len(weights) // 2 :, 3] = 0.8
    return Take(TakeInfo(rate), pcm, weights, strengths)
