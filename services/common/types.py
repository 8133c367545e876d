"""Array types (PCM samples, curve weights), the frame rate, and limits that several services share."""

from __future__ import annotations

from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

Pcm: TypeAlias = NDArray[np.int16]
"""Mono samples of 16 bits, shape (samples,)."""
Floats: TypeAlias = NDArray[np.float32]
"""Any other float32 array; its shape is documented where it is used."""
Weights: TypeAlias = NDArray[np.float32]
"""Curve values in the order of `services.media.curves.CURVE_NAMES`: one pose (61,), or frames (frames, 61)."""

FRAME_RATE: Final = 60
"""Rate of all face frames that NeuroSync computes or sends, in hertz."""
FRAME_RATES: Final = (1, 240)
"""Lowest and highest frame rate that is accepted, in hertz."""
SAMPLE_RATES: Final = (8_000, 192_000)
"""Lowest and highest sample rate of sound that is accepted, in hertz."""
MAX_SUBJECT_BYTES: Final = 64
"""Longest name of a Live Link subject, in bytes of UTF-8."""
