"""Emotion strengths between memory, 0 to 1, and files of face frames, which hold percent, 0 to 100.

Percent is what NeuroSync has always written into `shapes.csv`. Every format here keeps it (CSV, NPZ and JSON), so that
older files are read right and programs that read those files go on working.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from services.common.types import Weights

_DECIMALS = 5  # of a percentage; float32 strengths differ by less


def to_percent(emotions: Weights) -> npt.NDArray[np.float64]:
    """Return strengths, 0 to 1, as the percentages that a file holds."""
    return np.round(100.0 * np.clip(emotions.astype(np.float64), 0.0, 1.0), _DECIMALS)


def from_percent(values: npt.NDArray[Any]) -> Weights:
    """Return the percentages of a file as strengths; values outside 0 to 100, which a model may write, are clamped."""
    return np.clip(np.asarray(values, np.float64) / 100.0, 0.0, 1.0).astype(np.float32)
