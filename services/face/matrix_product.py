"""Matrix product that stays on one core, for the features and resampling of many small streams."""

from __future__ import annotations

import numpy as np

from services.common.types import Floats

PIECE = 200_000
"""Multiplications in one call of BLAS; OpenBLAS starts other threads from 262144 on."""


def product(left: Floats, right: Floats) -> Floats:
    """Return `left @ right`, computed in pieces that BLAS does not spread over cores: waiting for them costs more.

    Args:
        left: (n, k).
        right: (k, m).
    """
    rows = max(1, PIECE // right.size)
    pieces = [left[start : start + rows] @ right for start in range(0, len(left), rows)]
    return np.concatenate(pieces) if pieces else np.empty((0, right.shape[1]), np.float32)
