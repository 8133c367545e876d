"""Turn 16 kHz sound into pitch and level, one pair a face frame, however it is cut.

Row `i` looks back over 40 ms from `(i + 1) / 60` s, as the rows of `features` do over 25 ms, and every row is computed
on its own, so a stream and a whole clip give the same values.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from services.common.types import FRAME_RATE, Floats
from services.face.lipsync.log_mel import SAMPLE_RATE

WINDOW = SAMPLE_RATE * 40 // 1000
"""Samples a row looks back over. Longer: deeper voices, and a melody that drags; 40 ms hold two periods of 50 Hz."""
HALVED = 2
"""Samples that are added into one before pitch is looked for: half the work, and a voice's pitch is below 4 kHz."""
FFT = 512
"""At least WINDOW / HALVED plus the longest period, so that the correlation does not wrap around."""
LOWEST, HIGHEST = 65.0, 450.0
"""Pitch that is looked for, hertz."""
PERIODIC = 0.5
"""Likeness to itself a period later that makes a sound voiced. Lower: noise sings; higher: hoarse voices do not."""
SHORTEST = int(SAMPLE_RATE / HALVED / HIGHEST)
"""Period, in halved samples."""
QUIETEST_DB = -100.0
OCTAVE_PRICE = 0.06
"""Taken off the likeness for each octave below the highest pitch: two periods fit as well as one."""


@dataclass(frozen=True)
class Heard:
    """What each of n rows hears."""

    pitch: Floats
    """Hertz, 0 where nothing is voiced; shape (n,)."""
    level: Floats
    """RMS in dBFS, at least -100; shape (n,)."""


@lru_cache(maxsize=1)
def _tables() -> tuple[Floats, Floats, Floats]:
    """Return a Hann window, and for each period in halved samples its price and the window's own correlation."""
    count = WINDOW // HALVED
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * (np.arange(count) + 0.5) / count)
    own = np.fft.irfft(np.abs(np.fft.rfft(hann, FFT)) ** 2)
    periods = np.arange(SHORTEST, int(SAMPLE_RATE / HALVED / LOWEST) + 1)
    price = OCTAVE_PRICE * np.log2(periods / periods[0])
    return hann.astype(np.float32), price.astype(np.float32), (own[periods] / own[0]).astype(np.float32)


def _heard(windows: Floats) -> Heard:
    """Measure (n, WINDOW) windows."""
    hann, price, own = _tables()
    power = np.einsum("ij,ij->i", windows, windows) / WINDOW
    level = np.maximum(10 * np.log10(np.maximum(power, 1e-12)), QUIETEST_DB)
    slow = np.add(windows[:, ::HALVED], windows[:, 1::HALVED])  # (n, WINDOW / HALVED)
    spectra = np.fft.rfft((slow - slow.mean(axis=1, keepdims=True)) * hann, FFT)
    correlation = np.fft.irfft(spectra.real**2 + spectra.imag**2, FFT)  # (n, FFT)
    likeness = correlation[:, SHORTEST : SHORTEST + len(own)] / (correlation[:, :1] + 1e-9) / own  # (n, periods)
    rows, best = np.arange(len(slow)), np.argmax(likeness - price, axis=1)
    inside = np.clip(best, 1, len(own) - 2)
    left, peak, right = (likeness[rows, inside + step] for step in (-1, 0, 1))
    between = np.clip(0.5 * (left - right) / np.minimum(left - 2 * peak + right, -1e-9), -0.5, 0.5)  # of a parabola
    voiced = (peak > PERIODIC) & (inside == best)
    pitch = np.where(voiced, SAMPLE_RATE / HALVED / (SHORTEST + inside + between), 0.0)
    return Heard(pitch.astype(np.float32), level.astype(np.float32))


def row_end(index: int) -> int:
    """Return the sample that row `index` ends before; the same as `features` has for its second sub-frame."""
    return round((index + 1) * SAMPLE_RATE / FRAME_RATE)


class ProsodyStream:
    """Pitch and level of one sound, pushed in any pieces."""

    def __init__(self) -> None:
        self._kept: Floats = np.zeros(WINDOW, np.float32)  # silence came before the first sample
        self._kept_from = -WINDOW
        self._next = 0

    def copy(self) -> ProsodyStream:
        """Return a stream that goes on from here on its own."""
        twin = ProsodyStream()
        twin._kept, twin._kept_from, twin._next = self._kept, self._kept_from, self._next
        return twin

    def push(self, sound: Floats) -> Heard:
        """Take more sound, shape (n,), full scale 1.0, and return what the rows it completes hear."""
        kept = np.concatenate([self._kept, sound])
        known = self._kept_from + len(kept)
        ends = []
        while row_end(self._next) <= known:
            ends.append(row_end(self._next))
            self._next += 1
        starts = np.array(ends, np.int64) - WINDOW - self._kept_from
        windows = kept[starts[:, None] + np.arange(WINDOW)] if ends else np.empty((0, WINDOW), np.float32)
        drop = max(0, row_end(self._next) - WINDOW - self._kept_from)
        self._kept, self._kept_from = kept[drop:].copy(), self._kept_from + drop
        return _heard(windows)
