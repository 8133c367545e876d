"""Frames for tests."""

from __future__ import annotations

import numpy as np

from services.media.curves import CURVE_COUNT, INDEX
from services.media.frames import Frames


def some_frames(count: int = 5, *, emotions: bool = False) -> Frames:
    random = np.random.default_rng(7)
    weights = random.random((count, CURVE_COUNT), np.float32)
    weights[:, INDEX["HeadYaw"]] -= 1
    return Frames(weights, random.random((count, 7), np.float32) if emotions else None)
