"""Scaling of a pose before it is sent: gain and offset of each curve, then a factor for each region.

`value * gain + offset` comes first. What then lies above the threshold is multiplied by the factor of its region (jaw
and mouth, lids and gaze, brows; wide and squint of each eye by themselves). Last, everything is kept within its legal
range, so rotations of head and eyes keep their sign, and nothing else is negative.

Source: the scaling of the NeuroSync player; the same for curves that are not negative. `CLASSIC` has its factors.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final, TypeVar

import numpy as np
import numpy.typing as npt

from services.media.curves import BROWS, CURVE_COUNT, EYES, INDEX, LOWEST, MOUTH

FACTORS: Final = (0.0, 4.0)
"""Least and largest factor of a region."""
GAINS: Final = (-4.0, 4.0)
OFFSETS: Final = (-1.0, 1.0)
THRESHOLDS: Final = (0.0, 1.0)

F = TypeVar("F", bound=np.floating)


@dataclass(frozen=True)
class Scaling:
    """Gains, offsets and factors of the curves of a face."""

    enabled: bool = True
    """False: every value is sent unchanged."""
    mouth: float = 1.0
    """Factor of jaw and mouth."""
    eyes: float = 1.0
    """Factor of lids and gaze, but for wide and squint."""
    brows: float = 1.0
    eye_wide_left: float = 1.0
    eye_wide_right: float = 1.0
    eye_squint_left: float = 1.0
    eye_squint_right: float = 1.0
    threshold: float = 0.0
    """Values up to this one are not multiplied by the factor of their region."""
    gains: Mapping[str, float] = field(default_factory=dict)
    """Of curves, by name; 1 where there is none."""
    offsets: Mapping[str, float] = field(default_factory=dict)
    """Of curves, by name; 0 where there is none."""

    @cached_property
    def changes(self) -> bool:
        """Whether any value is changed."""
        gains, offsets = self._curves
        return self.enabled and bool((self._factors != 1).any() or (gains != 1).any() or offsets.any())

    def apply(self, values: npt.NDArray[F]) -> npt.NDArray[F]:
        """Return values (..., 61) scaled, within their legal range."""
        if not self.changes:
            return values
        gains, offsets = self._curves
        scaled = values * gains + offsets  # (..., 61) float64, as the factors are
        scaled = np.where(scaled > self.threshold, scaled * self._factors, scaled)
        return np.clip(scaled, LOWEST, 1.0).astype(values.dtype)

    @cached_property
    def _factors(self) -> npt.NDArray[np.float64]:
        factors = np.ones(CURVE_COUNT)
        factors[MOUTH], factors[EYES], factors[BROWS] = self.mouth, self.eyes, self.brows
        factors[INDEX["EyeWideLeft"]], factors[INDEX["EyeWideRight"]] = self.eye_wide_left, self.eye_wide_right
        factors[INDEX["EyeSquintLeft"]], factors[INDEX["EyeSquintRight"]] = self.eye_squint_left, self.eye_squint_right
        return factors

    @cached_property
    def _curves(self) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Return gain and offset of each curve."""
        gains, offsets = np.ones(CURVE_COUNT), np.zeros(CURVE_COUNT)
        for name, gain in self.gains.items():
            gains[INDEX[name]] = gain
        for name, offset in self.offsets.items():
            offsets[INDEX[name]] = offset
        return gains, offsets


CLASSIC: Final = Scaling(brows=0.6, eye_wide_left=0.4, eye_wide_right=0.4)
"""The factors of the NeuroSync player: its model raises brows and lids more than people do."""
