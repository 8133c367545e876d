"""The parts of a turn after validation: sound, frame header, frames, emotions, end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from services.common.types import Pcm, Weights


@dataclass(frozen=True)
class SoundPart:
    """Samples from sample `first` of the turn on."""

    first: int
    pcm: Pcm


@dataclass(frozen=True)
class FrameHeaderPart:
    """The layout of the frames that follow."""

    columns: npt.NDArray[np.intp]
    """The column of each of the 61 curves, or -1; shape (61,)."""
    rate: int
    """Hz."""


@dataclass(frozen=True)
class FramesPart:
    """Frames from frame `first` of the turn on."""

    first: int
    weights: Weights
    """Shape (n, columns)."""
    rate: int
    """Hz."""


@dataclass(frozen=True)
class EmotionPart:
    """Emotions from a moment of the turn on."""

    at: int
    """Sample, or frame."""
    rate: int | None
    """Hz of the frames; None: `at` is a sample."""
    weights: Weights
    """Strength of each emotion, 0 to 1, shape (7,)."""
    explicit: bool
    """True if it came as a key of its own, False if it came with the frames."""

    def seconds(self, sample_rate: int) -> float:
        """Return the moment, in a turn of `sample_rate` Hz."""
        return self.at / (self.rate or sample_rate)


@dataclass(frozen=True)
class EndPart:
    """The end: nothing more comes."""


Part: TypeAlias = SoundPart | FrameHeaderPart | FramesPart | EmotionPart | EndPart
