"""Streaming log-mel features of 16 kHz audio: the input rows of the shipped face model.

One row per face frame (1/60 s) holds two sub-frames of 40 bands, 1/120 s apart. Everything is
causal: row `i` needs the audio up to `(i + 1) / 60` s and nothing later, so chunks of any size
and a whole clip give the same rows. Levels are relative to a running peak that rises at once and
decays slowly, because the statistics of a clip are unknown while it is being spoken.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from services.common.types import FRAME_RATE, Floats
from services.face.matrix_product import product

SAMPLE_RATE = 16_000
"""Hertz. Lip shapes need nothing above 8 kHz."""
SUBFRAMES = 2
"""Spectra per face frame: stops are shorter than one frame."""
BANDS = 40
ROW = SUBFRAMES * BANDS
"""Values in a row."""
WINDOW = SAMPLE_RATE * 25 // 1000
"""Samples a spectrum looks back over (25 ms)."""
FFT = 512
LOWEST, HIGHEST = 60.0, 7600.0
"""Edges of the mel bank, hertz."""
FLOOR_DB = -125.0
"""Band power below this counts as this: digital silence must not be minus infinity."""
PEAK_FLOOR_DB = -58.0
"""The peak never falls below this, dBFS. Higher: whispering counts as silence. Lower: room hiss counts as speech."""
PEAK_DECAY = 1.5 / (FRAME_RATE * SUBFRAMES)
"""Decibels per sub-frame (1.5 dB a second). Faster: pauses are amplified; slower: a shout masks speech for longer."""
RANGE_DB = 65.0
"""Bands further than this below the peak are clipped there."""
CENTRE_DB, SCALE_DB = -30.0, 15.0
"""Brings the levels of speech to about -1..1."""
SILENCE = (-RANGE_DB - CENTRE_DB) / SCALE_DB
"""The value of every band of digital silence."""


@lru_cache(maxsize=1)
def _window() -> Floats:
    """Return a periodic Hann window whose power response to noise is 1."""
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(WINDOW) / WINDOW)
    window: Floats = (hann / np.sqrt(np.sum(hann**2))).astype(np.float32)
    return window


@lru_cache(maxsize=1)
def _mel_bank() -> Floats:
    """Return triangular bands on the mel scale, shape (FFT // 2 + 1, BANDS)."""
    mel = np.linspace(np.log1p(LOWEST / 700), np.log1p(HIGHEST / 700), BANDS + 2)
    edges = 700 * np.expm1(mel)
    hertz = np.arange(FFT // 2 + 1) * SAMPLE_RATE / FFT
    rise = (hertz[:, None] - edges[None, :-2]) / np.diff(edges)[None, :-1]
    fall = (edges[None, 2:] - hertz[:, None]) / np.diff(edges)[None, 1:]
    bank: Floats = (np.maximum(0.0, np.minimum(rise, fall)) * (2 / FFT)).astype(np.float32)
    return bank


def subframe_end(index: int) -> int:
    """Return the index of the sample after sub-frame `index`; 16000/120 is not whole, so it is rounded."""
    return round((index + 1) * SAMPLE_RATE / (FRAME_RATE * SUBFRAMES))


class LogMelStream:
    """Feature rows of one audio stream, in chunks of any size."""

    def __init__(self) -> None:
        self._kept: Floats = np.zeros(WINDOW, np.float32)  # silence came before the first sample
        self._kept_from = -WINDOW  # index in the stream of _kept[0]
        self._next = 0  # next sub-frame; always even between calls
        self._peak = PEAK_FLOOR_DB

    def copy(self) -> LogMelStream:
        """Return a stream that goes on from here on its own."""
        twin = LogMelStream()
        twin._kept, twin._kept_from = self._kept, self._kept_from
        twin._next, twin._peak = self._next, self._peak
        return twin

    def push(self, sound: Floats) -> Floats:
        """Take more audio and return the rows it completes.

        Args:
            sound: float32 samples, shape (n,), full scale 1.0, 16 kHz.

        Returns:
            float32, shape (rows, ROW): first sub-frame's bands, then the second's.
        """
        kept = np.concatenate([self._kept, sound])
        available = self._kept_from + len(kept)
        ends = []
        index = self._next
        while subframe_end(index + 1) <= available:
            ends += [subframe_end(index), subframe_end(index + 1)]
            index += SUBFRAMES
        starts = np.array(ends, np.int64) - WINDOW - self._kept_from
        windows = kept[starts[:, None] + np.arange(WINDOW)] if ends else np.empty((0, WINDOW), np.float32)
        self._next = index
        drop = max(0, subframe_end(index) - WINDOW - self._kept_from)
        self._kept, self._kept_from = kept[drop:].copy(), self._kept_from + drop
        return self._rows(windows.astype(np.float32, copy=False))

    def _rows(self, windows: Floats) -> Floats:
        """Map (2 * rows, WINDOW) windows to (rows, ROW) levels relative to the running peak."""
        if not len(windows):
            return np.empty((0, ROW), np.float32)
        spectra = np.fft.rfft(windows * _window(), FFT)  # (2 rows, FFT / 2 + 1)
        squares = spectra.real**2 + spectra.imag**2  # np.abs takes a root of each first
        power = product(squares.astype(np.float32, copy=False), _mel_bank())  # (2 rows, BANDS)
        bands = 10 * np.log10(np.maximum(power, 10 ** (FLOOR_DB / 10)))
        loudness = 10 * np.log10(np.maximum(power.sum(axis=1, dtype=np.float64), 1e-12))
        decay = PEAK_DECAY * np.arange(1, len(loudness) + 1)
        raised = np.maximum.accumulate(np.maximum(loudness, PEAK_FLOOR_DB) + decay)
        peak = np.maximum(np.maximum(raised, self._peak) - decay, PEAK_FLOOR_DB)
        self._peak = float(peak[-1])
        relative = np.clip(bands - peak[:, None], -RANGE_DB, 0.0)
        rows: Floats = ((relative - CENTRE_DB) / SCALE_DB).astype(np.float32).reshape(-1, ROW)
        return rows


def log_mel_rows(sound: Floats) -> Floats:
    """Return the rows of a whole clip, shape (floor(60 * seconds), ROW)."""
    return LogMelStream().push(sound)
