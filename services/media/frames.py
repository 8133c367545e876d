"""A run of face frames in memory, and how many belong to a sound."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Final, Self

import numpy as np
import numpy.typing as npt

from services.media.curves import CURVE_COUNT

Weights = npt.NDArray[np.float32]

FRAME_RATE: Final = 60  # hertz, of everything that NeuroSync makes
EMOTION_NAMES: Final = ("Angry", "Disgusted", "Fearful", "Happy", "Neutral", "Sad", "Surprised")
EASE_FRAMES = 5  # 83 ms from the last frame to rest; fewer pops, more mumbles on after the voice

RATE_LIMITS = (1.0, 240.0)  # hertz


@dataclass(frozen=True)
class Frames:
    """Frames at one rate."""

    weights: Weights
    """Shape (frames, 61), in the order of `curves.CURVE_NAMES`."""
    emotions: Weights | None = None
    """Shape (frames, 7), in the order of `EMOTION_NAMES`, 0 to 100; None where the maker has none."""
    rate: float = FRAME_RATE
    """Hertz."""

    def __post_init__(self) -> None:
        shape = self.weights.shape
        if len(shape) != 2 or shape[1] != CURVE_COUNT:
            raise ValueError(f"expected weights of shape (frames, {CURVE_COUNT}), got {shape}")
        if self.emotions is not None and self.emotions.shape != (shape[0], len(EMOTION_NAMES)):
            raise ValueError(f"expected emotions of shape {(shape[0], len(EMOTION_NAMES))}, got {self.emotions.shape}")

    def __len__(self) -> int:
        return len(self.weights)

    @property
    def seconds(self) -> float:
        """How long they last."""
        return len(self) / self.rate

    def at_rate(self, rate: float) -> Self:
        """Return the same movement at another rate (Hz), interpolated linearly."""
        if rate == self.rate or len(self) == 0:
            return replace(self, rate=rate)
        count = max(1, round(len(self) * rate / self.rate))
        at = np.minimum(np.arange(count) * (self.rate / rate), len(self) - 1)
        emotions = None if self.emotions is None else _interpolate(self.emotions, at)
        return replace(self, weights=_interpolate(self.weights, at), emotions=emotions, rate=rate)

    def fitted(self, count: int) -> Self:
        """Return exactly `count` frames: cut, or eased from the last frame to rest and held there."""
        missing = count - len(self)
        if missing <= 0:
            emotions = None if self.emotions is None else self.emotions[:count]
            return replace(self, weights=self.weights[:count], emotions=emotions)
        return replace(
            self,
            weights=np.concatenate([self.weights, _ease(self.weights, missing)]),
            emotions=None if self.emotions is None else np.concatenate([self.emotions, _ease(self.emotions, missing)]),
        )


def frame_count(sample_count: int, sample_rate: int) -> int:
    """Return how many frames at 60 Hz cover a sound: those that start before its end."""
    return math.ceil(sample_count * FRAME_RATE / sample_rate)


def _interpolate(values: Weights, at: npt.NDArray[np.float64]) -> Weights:
    low = np.floor(at).astype(np.intp)
    high = np.minimum(low + 1, len(values) - 1)
    part = (at - low).astype(np.float32)[:, None]
    return np.asarray(values[low] * (1 - part) + values[high] * part, np.float32)


def _ease(values: Weights, count: int) -> Weights:
    """Return `count` rows that lead from the last of `values` to zero."""
    rows = np.zeros((count, values.shape[1]), np.float32)
    if len(values):
        ramp = np.linspace(1, 0, EASE_FRAMES + 1, dtype=np.float32)[1:, None]  # (EASE_FRAMES, 1)
        rows[:EASE_FRAMES] = (ramp * values[-1])[:count]
    return rows
