"""Which curves of a recording move most, so that a picture shows those."""

from __future__ import annotations

import numpy as np

from services.common.types import Weights
from services.media.curves import CURVE_NAMES, INDEX

DRAWN = 12  # curves of a picture, those that move most; more: a picture too tall for a screen
SAME = 0.01  # of a weight: where left and right differ by less, one of them is drawn


def moving_curves(weights: Weights) -> list[str]:
    """Return the names of the curves that move most, in ARKit order: none that stands still, and of twins the left."""
    deviation = weights.std(axis=0)
    for name in CURVE_NAMES:
        twin = INDEX.get(f"{name.removesuffix('Left')}Right", INDEX[name])
        if name.endswith("Left") and np.allclose(weights[:, INDEX[name]], weights[:, twin], atol=SAME):
            deviation[twin] = 0.0
    chosen = np.argsort(-deviation, kind="stable")[:DRAWN]
    return [CURVE_NAMES[curve] for curve in sorted(chosen.tolist()) if deviation[curve] > 0]
