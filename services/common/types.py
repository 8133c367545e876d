"""The arrays that every part of NeuroSync computes with, and the one frame rate."""

from __future__ import annotations

from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

Pcm: TypeAlias = NDArray[np.int16]
"""Mono samples of 16 bits, shape (samples,)."""
Floats: TypeAlias = NDArray[np.float32]
"""Any other float32 array; its shape stands where it is used."""
Weights: TypeAlias = NDArray[np.float32]
"""Curve values in the order of `services.media.curves.CURVE_NAMES`: one pose (61,), or frames (frames, 61)."""

FRAME_RATE: Final = 60
"""Hertz, of every face frame that NeuroSync makes or sends."""
