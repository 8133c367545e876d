"""Emotion columns of the network's frames to emotion keys: the strengths of the seven emotions, where they change."""

from __future__ import annotations

import numpy as np

from services.common.types import Floats
from services.face.face_model import EmotionEstimate
from services.media.curves import CURVE_COUNT
from services.media.emotions import NO_EMOTIONS

EVERY = 6
"""Frames between keys at least (100 ms). Larger: changes are reported late; smaller: more messages with little in them.
"""
CHANGE = 0.02
"""Smallest change of a strength that makes a key."""
PERCENT = 100.0


class EmotionKeys:
    """The keys of one stream or clip."""

    def __init__(self) -> None:
        self._seen = 0  # frames
        self._last_key = NO_EMOTIONS

    def of(self, frames: Floats) -> list[EmotionEstimate]:
        """Return the keys of the next frames.

        Args:
            frames: (n, outputs), emotions 0 to 100 after the curves, in the order of `emotions.EMOTION_NAMES`; without
                emotion columns there are no keys.
        """
        keys = []
        emotions = np.clip(frames[:, CURVE_COUNT:] / PERCENT, 0.0, 1.0)  # (n, 7), or (n, 0)
        for row in range(-self._seen % EVERY, len(emotions) if emotions.shape[1] else 0, EVERY):
            if np.abs(emotions[row] - self._last_key).max() >= CHANGE:
                self._last_key = emotions[row]
                keys.append(EmotionEstimate(self._seen + row, tuple(emotions[row].tolist())))
        self._seen += len(frames)
        return keys
