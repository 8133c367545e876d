"""Motion style of a face: a factor for each region, temporal smoothing, and emphasis of lip closures."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

import numpy as np

from services.common.types import FRAME_RATE, Weights
from services.media.curves import CURVE_COUNT, CURVE_NAMES, INDEX, clamp

Region = Literal["jaw", "mouth", "cheeks", "tongue", "eyes", "brows", "head"]
REGIONS: Mapping[Region, tuple[str, ...]] = MappingProxyType(
    {
        "jaw": ("Jaw",),
        "mouth": ("Mouth",),
        "cheeks": ("Cheek", "Nose"),
        "tongue": ("Tongue",),
        "eyes": ("Eye", "LeftEye", "RightEye"),
        "brows": ("Brow",),
        "head": ("Head",),
    }
)
"""Region to the prefixes of its curves' names."""
MAX_FACTOR = 3.0
"""Largest factor of a region, and largest emphasis of closures; the smallest of both is 0."""
MAX_SMOOTHING_SECONDS = 0.5
CLOSED_LIPS = 0.14
"""MouthClose of lips that meet, in the poses that the shipped model was trained on."""
_CLOSING = [
    INDEX[name] for name in ("MouthClose", "MouthRollLower", "MouthRollUpper", "MouthPressLeft", "MouthPressRight")
]
_PARTING = [INDEX[f"Mouth{name}{side}"] for name in ("LowerDown", "UpperUp") for side in ("Left", "Right")]


@dataclass(frozen=True)
class Style:
    """Changes made to every frame of a model; the default changes nothing."""

    strength: Mapping[Region, float] = field(default_factory=dict)
    """Region to factor, 0 to 3; 1 where none is given. Larger: broader motion, until curves reach their limits."""
    smoothing: float = 0.0
    """Seconds over which motion is averaged, to 0.5. Larger: calmer, later by as much; above 0.03 closures fade."""
    closure: float = 1.0
    """Emphasis of closing lips, 0 to 3. Larger: firmer /p b m/, lips parting less beside them; smaller: a mumble."""


class Stylist:
    """Applies a style to the frames of one stream."""

    def __init__(self, style: Style) -> None:
        """Start at the rest pose."""
        self._style = style
        self._factors = np.ones(CURVE_COUNT, np.float32)
        for region, factor in style.strength.items():
            columns = [index for index, name in enumerate(CURVE_NAMES) if name.startswith(REGIONS[region])]
            self._factors[columns] = factor
        self._keep = math.exp(-1 / (FRAME_RATE * style.smoothing)) if style.smoothing else 0.0
        self._smoothed: Weights = np.zeros(CURVE_COUNT, np.float32)
        self._changes_nothing = style == Style()

    def apply(self, frames: Weights) -> Weights:
        """Return frames, shape (n, 61), in this style."""
        if self._changes_nothing or not len(frames):
            return frames
        styled = frames.copy()
        extra = self._style.closure - 1
        if extra:
            shut = np.minimum(frames[:, INDEX["MouthClose"], None] / CLOSED_LIPS, 1.0)
            styled[:, _CLOSING] *= 1 + extra * shut
            styled[:, _PARTING] *= 1 - np.clip(extra, -1.0, 1.0) * 0.5 * shut
        styled *= self._factors
        if self._keep:
            smoothed = self._smoothed
            for index, frame in enumerate(styled):
                smoothed = smoothed + (frame - smoothed) * np.float32(1 - self._keep)
                styled[index] = smoothed
            self._smoothed = smoothed
        return clamp(styled)
