"""What speech wants of a face on one tick."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from services.common.types import Weights


@dataclass(frozen=True)
class SpeechPose:
    """The pose that a turn's frames bring on one tick."""

    pose: Weights
    """Shape (61,), 0 for curves that the frames lack."""
    brought: npt.NDArray[np.bool_]
    """Which curves the frames hold, shape (61,)."""
    frame: int
    """Tick of the turn, counted from its sample 0."""
    source: tuple[int, int]
    """Changes when the turn, or its place on the time line, does."""
