"""Arrays of emotion strengths for the tests."""

from __future__ import annotations

from services.common.types import Weights
from services.media.emotions import EMOTION_NAMES, NO_EMOTIONS


def strengths(**by_name: float) -> Weights:
    weights = NO_EMOTIONS.copy()
    for name, strength in by_name.items():
        weights[EMOTION_NAMES.index(name)] = strength
    return weights
