"""Emotion columns of frames to keys: how strong each of the seven is, told when it changes."""

from __future__ import annotations

import numpy as np

from services.common.types import Floats
from services.face.face_model import EmotionReading
from services.media.curves import CURVE_COUNT

EVERY = 6
"""Frames between keys at least (100 ms). Larger: changes are told late; smaller: more messages that say little."""
CHANGE = 0.02
"""Of a weight that is worth a key."""
PERCENT = 100.0
EMOTIONS = ("angry", "disgusted", "fearful", "happy", "neutral", "sad", "surprised")
"""What the columns after the curves stand for."""


class EmotionKeys:
    """The keys of one sound."""

    def __init__(self) -> None:
        self._seen = 0  # frames
        self._told = np.zeros(len(EMOTIONS), np.float32)

    def of(self, frames: Floats) -> list[EmotionReading]:
        """Return the keys of the next frames (n, outputs), emotions 0 to 100; none of a model without emotions."""
        keys = []
        emotions = np.clip(frames[:, CURVE_COUNT:] / PERCENT, 0.0, 1.0)  # (n, 7), or (n, 0)
        for row in range(-self._seen % EVERY, len(emotions) if emotions.shape[1] else 0, EVERY):
            if np.abs(emotions[row] - self._told).max() >= CHANGE:
                self._told = emotions[row]
                keys.append(EmotionReading(self._seen + row, tuple(emotions[row].tolist())))
        self._seen += len(frames)
        return keys
