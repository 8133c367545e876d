"""Mel filter bank, DCT and slope filters of the spectral features, computed from their formulas in float64."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Doubles: TypeAlias = NDArray[np.float64]

BANDS = 128
CEPSTRA = 23
LINEAR_HERTZ = 200.0 / 3
"""Width of a mel up to 1000 Hz; Slaney's scale (Auditory Toolbox, 1998) is linear there."""
BREAK_HERTZ = 1000.0
LOG_STEP = np.log(6.4) / 27
"""Logarithm of the ratio between neighbouring mels above BREAK_HERTZ."""


def mel_to_hertz(mel: Doubles) -> Doubles:
    """Return the frequencies of values on Slaney's mel scale."""
    break_mel = BREAK_HERTZ / LINEAR_HERTZ
    return np.where(mel < break_mel, mel * LINEAR_HERTZ, BREAK_HERTZ * np.exp(LOG_STEP * (mel - break_mel)))


def band_edges(rate: int) -> Doubles:
    """Return the edges of the bands in hertz, 0 to rate / 2, shape (BANDS + 2,); band i spans edges i to i + 2."""
    top = BREAK_HERTZ / LINEAR_HERTZ + np.log(rate / 2 / BREAK_HERTZ) / LOG_STEP
    return mel_to_hertz(np.linspace(0.0, top, BANDS + 2))


def mel_bank(window: int, rate: int) -> Doubles:
    """Return triangular bands from 0 to rate / 2 hertz, each of area 1, shape (window // 2 + 1, BANDS)."""
    edges = band_edges(rate)
    hertz = np.arange(window // 2 + 1) * rate / window
    rise = (hertz[:, None] - edges[:-2]) / np.diff(edges)[:-1]
    fall = (edges[2:] - hertz[:, None]) / np.diff(edges)[1:]
    return np.maximum(0.0, np.minimum(rise, fall)) * 2.0 / (edges[2:] - edges[:-2])


def dct() -> Doubles:
    """Return the orthonormal DCT-II that turns bands into cepstral coefficients, shape (BANDS, CEPSTRA)."""
    angle = np.pi / BANDS * (np.arange(BANDS)[:, None] + 0.5) * np.arange(CEPSTRA)
    matrix: Doubles = np.cos(angle) * np.sqrt(2.0 / BANDS)
    matrix[:, 0] /= np.sqrt(2.0)
    return matrix


def slope_taps(span: int) -> Doubles:
    """Return the weights (span,) that give the slope of the line fitted to `span` values (odd)."""
    x = np.arange(span) - span // 2
    return x / np.sum(x**2)


def curvature_taps(span: int) -> Doubles:
    """Return the weights (span,) that give the second derivative of the parabola fitted to `span` values (odd)."""
    return 2.0 * np.linalg.pinv(np.vander(np.arange(span) - span // 2, 3))[0]
