"""Streaming pitch and level of 16 kHz audio, one pair for each face frame.

Row `i` covers the 40 ms before `(i + 1) / 60` s (the rows of `log_mel` cover 25 ms), and every row is computed on its
own, so chunks of any size and a whole clip give the same values.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from services.common.types import FRAME_RATE, Floats
from services.face.lipsync.log_mel import SAMPLE_RATE

WINDOW = SAMPLE_RATE * 40 // 1000
"""Samples in a row's window. Longer: deeper voices, and pitch that lags; 40 ms hold two periods of 50 Hz."""
DECIMATION = 2
"""Samples that are added into one before pitch is estimated: half the work, and a voice's pitch is below 4 kHz."""
FFT = 512
"""At least WINDOW / DECIMATION plus the longest period, so that the correlation does not wrap around."""
LOWEST, HIGHEST = 65.0, 450.0
"""Range of pitch, hertz."""
PERIODIC = 0.5
"""Normalised autocorrelation that makes a frame voiced. Lower: noise has pitch; higher: hoarse voices have none."""
SHORTEST = int(SAMPLE_RATE / DECIMATION / HIGHEST)
"""Period, in decimated samples."""
QUIETEST_DB = -100.0
OCTAVE_COST = 0.06
"""Subtracted from the autocorrelation for each octave below the highest pitch: two periods correlate as well as one."""


@dataclass(frozen=True)
class PitchLevel:
    """Pitch and level of n rows."""

    pitch: Floats
    """Hertz, 0 where nothing is voiced; shape (n,)."""
    level: Floats
    """RMS in dBFS, at least -100; shape (n,)."""


@lru_cache(maxsize=1)
def _tables() -> tuple[Floats, Floats, Floats]:
    """Return a Hann window, and for each period in decimated samples its cost and the window's own autocorrelation."""
    count = WINDOW // DECIMATION
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * (np.arange(count) + 0.5) / count)
    own = np.fft.irfft(np.abs(np.fft.rfft(hann, FFT)) ** 2)
    periods = np.arange(SHORTEST, int(SAMPLE_RATE / DECIMATION / LOWEST) + 1)
    cost = OCTAVE_COST * np.log2(periods / periods[0])
    return hann.astype(np.float32), cost.astype(np.float32), (own[periods] / own[0]).astype(np.float32)


def _measure(windows: Floats) -> PitchLevel:
    """Measure (n, WINDOW) windows."""
    hann, cost, own = _tables()
    power = np.einsum("ij,ij->i", windows, windows) / WINDOW
    level = np.maximum(10 * np.log10(np.maximum(power, 1e-12)), QUIETEST_DB)
    decimated = np.add(windows[:, ::DECIMATION], windows[:, 1::DECIMATION])  # (n, WINDOW / DECIMATION)
    spectra = np.fft.rfft((decimated - decimated.mean(axis=1, keepdims=True)) * hann, FFT)
    correlation = np.fft.irfft(spectra.real**2 + spectra.imag**2, FFT)  # (n, FFT)
    normalised = correlation[:, SHORTEST : SHORTEST + len(own)] / (correlation[:, :1] + 1e-9) / own  # (n, periods)
    rows, best = np.arange(len(decimated)), np.argmax(normalised - cost, axis=1)
    inside = np.clip(best, 1, len(own) - 2)
    left, peak, right = (normalised[rows, inside + step] for step in (-1, 0, 1))
    fraction = np.clip(
        0.5 * (left - right) / np.minimum(left - 2 * peak + right, -1e-9), -0.5, 0.5
    )  # vertex of a parabola
    voiced = (peak > PERIODIC) & (inside == best)
    pitch = np.where(voiced, SAMPLE_RATE / DECIMATION / (SHORTEST + inside + fraction), 0.0)
    return PitchLevel(pitch.astype(np.float32), level.astype(np.float32))


def row_end(index: int) -> int:
    """Return the index of the sample after row `index`; that of the second sub-frame of the row in `log_mel`."""
    return round((index + 1) * SAMPLE_RATE / FRAME_RATE)


class PitchLevelStream:
    """Pitch and level of one audio stream, in chunks of any size."""

    def __init__(self) -> None:
        self._kept: Floats = np.zeros(WINDOW, np.float32)  # silence came before the first sample
        self._kept_from = -WINDOW
        self._next = 0

    def copy(self) -> PitchLevelStream:
        """Return a stream that goes on from here on its own."""
        twin = PitchLevelStream()
        twin._kept, twin._kept_from, twin._next = self._kept, self._kept_from, self._next
        return twin

    def push(self, sound: Floats) -> PitchLevel:
        """Take more audio, shape (n,), full scale 1.0, and return pitch and level of the rows it completes."""
        kept = np.concatenate([self._kept, sound])
        available = self._kept_from + len(kept)
        ends = []
        while row_end(self._next) <= available:
            ends.append(row_end(self._next))
            self._next += 1
        starts = np.array(ends, np.int64) - WINDOW - self._kept_from
        windows = kept[starts[:, None] + np.arange(WINDOW)] if ends else np.empty((0, WINDOW), np.float32)
        drop = max(0, row_end(self._next) - WINDOW - self._kept_from)
        self._kept, self._kept_from = kept[drop:].copy(), self._kept_from + drop
        return _measure(windows)
