"""Face frames in memory: resampling, fitting to the length of a sound, and the number that a sound needs."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import numpy.typing as npt

from services.common.types import FRAME_RATE, Weights
from services.media.curves import CURVE_COUNT
from services.media.emotions import EMOTION_COUNT

EASE_FRAMES = 5  # 83 ms from the last frame to rest; fewer: the face pops; more: the mouth moves on after the voice


@dataclass(frozen=True)
class Frames:
    """Face frames at one rate, with their emotions and times where they have them."""

    weights: Weights
    """Shape (frames, 61), in the order of `curves.CURVE_NAMES`."""
    emotions: Weights | None = None
    """Shape (frames, 7), in the order of `emotions.EMOTION_NAMES`, 0 to 1; None where the model has none."""
    rate: float = FRAME_RATE
    """Hertz."""
    times: npt.NDArray[np.float64] | None = None
    """Timecode of each frame in seconds since midnight, shape (frames,), growing also past midnight; None for frames
    in even steps of `rate`."""

    def __post_init__(self) -> None:
        shape = self.weights.shape
        if len(shape) != 2 or shape[1] != CURVE_COUNT:
            raise ValueError(f"expected weights of shape (frames, {CURVE_COUNT}), got {shape}")
        if self.emotions is not None and self.emotions.shape != (shape[0], EMOTION_COUNT):
            raise ValueError(f"expected emotions of shape {(shape[0], EMOTION_COUNT)}, got {self.emotions.shape}")
        if self.times is not None and self.times.shape != (shape[0],):
            raise ValueError(f"expected times of shape {(shape[0],)}, got {self.times.shape}")

    def __len__(self) -> int:
        return len(self.weights)

    @property
    def seconds(self) -> float:
        """Duration."""
        if self.times is None or not len(self):
            return len(self) / self.rate
        return float(self.times[-1] - self.times[0]) + 1 / self.rate

    def at_rate(self, rate: float) -> Self:
        """Return the same movement in even steps at another rate (Hz), interpolated linearly."""
        if (rate == self.rate and self.times is None) or len(self) == 0:
            return replace(self, rate=rate)
        count = max(1, round(self.seconds * rate))
        steps = np.arange(count) / rate  # seconds from the first frame
        at = steps * self.rate if self.times is None else np.interp(steps, self.times - self.times[0], range(len(self)))
        at = np.minimum(at, len(self) - 1)
        emotions = None if self.emotions is None else _interpolate(self.emotions, at)
        times = None if self.times is None else self.times[0] + steps
        return replace(self, weights=_interpolate(self.weights, at), emotions=emotions, rate=rate, times=times)

    def fitted(self, count: int) -> Self:
        """Return exactly `count` frames: cut off, or continued by easing from the last frame to rest."""
        missing = count - len(self)
        if missing <= 0:
            emotions = None if self.emotions is None else self.emotions[:count]
            times = None if self.times is None else self.times[:count]
            return replace(self, weights=self.weights[:count], emotions=emotions, times=times)
        return replace(
            self,
            weights=np.concatenate([self.weights, _ease(self.weights, missing)]),
            emotions=None if self.emotions is None else np.concatenate([self.emotions, _ease(self.emotions, missing)]),
            times=None if self.times is None else np.concatenate([self.times, self._times_after(missing)]),
        )

    def _times_after(self, count: int) -> npt.NDArray[np.float64]:
        """Return the times of `count` frames that follow the last."""
        last = self.times[-1] if self.times is not None and len(self.times) else -1 / self.rate
        return np.asarray(last + np.arange(1, count + 1) / self.rate, np.float64)


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
