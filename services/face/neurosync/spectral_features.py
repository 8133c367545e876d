"""Spectral features of 88 200 Hz audio: the 256 inputs per frame of the NeuroSync network.

The audio is analysed 120 times a second ("columns", 1470 samples long and 735 apart); pairs of columns are averaged
into rows at 60 Hz. A row is

    0-22     cepstrum: 23 coefficients of 128 mel bands, normalised to mean 0 and deviation 1
    23-45    its slope over 9 columns
    46-68    its curvature over 9 columns
    69-255   autocorrelation at lags 1 to 187 (88.2 kHz / 187 = 472 Hz and up: pitch harmonics and vowel colour)

Everything is batched matrix work in torch, the same on CPU and GPU. The slow part of the usual
implementation, a full correlation of which 188 of 2939 values are kept, is replaced by the power spectrum and one
product with cosines.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from services.common.types import FRAME_RATE, Floats
from services.face.neurosync.filters import CEPSTRA, curvature_taps, dct, mel_bank, slope_taps
from services.face.neurosync.sound_preparation import SAMPLE_RATE

HOP = SAMPLE_RATE // (2 * FRAME_RATE)
"""Samples between columns (735)."""
WINDOW = 2 * HOP
"""Samples in a column's window, half of them before its time (1470)."""
LAGS = 187
FEATURES = 3 * CEPSTRA + LAGS
SHORTEST = 10 * HOP
"""Samples below which there are no features (83 ms): the slopes span nine columns."""
SLOPE_SPAN = 9
RANGE_DB = 80.0
"""Bands further than this below the loudest of the clip are clipped there."""
LEAST_POWER = 1e-10
TRANSFORM = 1680
"""Points of the autocorrelation's transform: at least WINDOW + LAGS, so that nothing wraps, with small factors only."""
BLOCK = 512
"""Columns computed at a time (3 MB of windows each). Larger: more memory; smaller: more overhead."""
LEAST_DEVIATION = 1e-5
"""A coefficient that deviates less than this counts as constant: its normalised value is 0, not amplified rounding."""


class FeatureExtractor:
    """The fixed matrices of the features, on one device."""

    def __init__(self, device: str | torch.device = "cpu") -> None:
        """Put the matrices on `device`."""
        self.device = torch.device(device)

        def placed(values: np.ndarray) -> Tensor:
            return torch.from_numpy(values.astype(np.float32)).to(self.device)

        n = np.arange(WINDOW)
        self._periodic = placed(0.5 - 0.5 * np.cos(2 * np.pi * n / WINDOW))  # (WINDOW,)
        self._symmetric = placed(np.hanning(WINDOW))
        self._bank = placed(mel_bank(WINDOW, SAMPLE_RATE))  # (WINDOW / 2 + 1, BANDS)
        self._dct = placed(dct())  # (BANDS, CEPSTRA)
        bins = np.arange(TRANSFORM // 2 + 1)
        twice = np.where((bins == 0) | (bins == TRANSFORM // 2), 1.0, 2.0) / TRANSFORM
        self._cosines = placed(twice[:, None] * np.cos(2 * np.pi * bins[:, None] * np.arange(LAGS + 1) / TRANSFORM))
        self._taps = placed(np.stack([slope_taps(SLOPE_SPAN), curvature_taps(SLOPE_SPAN)]))  # (2, SLOPE_SPAN)

    def rows(self, sound: Floats) -> Tensor:
        """Return the features of a whole clip, shape (rows, FEATURES); no rows if it is shorter than SHORTEST.

        Args:
            sound: float32 at 88 200 Hz, shape (n,); its peak should be 1.
        """
        if len(sound) < SHORTEST:
            return torch.empty(0, FEATURES, device=self.device)
        placed = torch.from_numpy(np.ascontiguousarray(sound, np.float32)).to(self.device)
        count = 1 + len(sound) // HOP  # columns
        # one after the other: for a long clip, each is hundreds of megabytes
        windows = functional.pad(placed, (HOP, HOP)).unfold(0, WINDOW, HOP)[:count]  # silence at the ends
        power = torch.cat([self.mel_power(block) for block in windows.split(BLOCK)])  # (count, BANDS)
        del windows
        windows = functional.pad(placed[None], (HOP, HOP), "reflect")[0].unfold(0, WINDOW, HOP)[:count]
        tone = torch.cat([self.autocorrelation(block) for block in windows.split(BLOCK)])  # (count, LAGS)
        del windows
        decibels = to_decibels(power)
        cepstrum = self.cepstrum(decibels, decibels.amax() - RANGE_DB)  # (count, CEPSTRA)
        deviation, mean = torch.std_mean(cepstrum.double(), dim=0, correction=0)
        columns = torch.cat([self.with_slopes(normalise(cepstrum, mean, deviation)), _with_ends_filled(tone)], dim=1)
        return paired(columns)

    def mel_power(self, windows: Tensor) -> Tensor:
        """Map (n, WINDOW) samples to the power in each mel band, (n, BANDS)."""
        spectra = torch.fft.rfft(windows * self._periodic)  # (n, WINDOW / 2 + 1)
        return (spectra.real.square() + spectra.imag.square()) @ self._bank

    def autocorrelation(self, windows: Tensor) -> Tensor:
        """Map (n, WINDOW) samples to (n, LAGS), lag 1 first, relative to lag 0; silence gives zeros."""
        windows = (windows - windows.mean(dim=1, keepdim=True)) * self._symmetric
        spectra = torch.fft.rfft(windows, TRANSFORM)  # (n, TRANSFORM / 2 + 1)
        lags = (spectra.real.square() + spectra.imag.square()) @ self._cosines  # (n, LAGS + 1)
        energy = lags[:, :1]
        return torch.where(energy > 0, lags[:, 1:] / energy, 0.0)

    def cepstrum(self, decibels: Tensor, floor: Tensor) -> Tensor:
        """Map (n, BANDS) decibels, clipped at the scalar `floor`, to (n, CEPSTRA)."""
        return torch.maximum(decibels, floor) @ self._dct

    def with_slopes(self, cepstrum: Tensor) -> Tensor:
        """Put slope and curvature beside a normalised cepstrum: (n, CEPSTRA) -> (n, 3 * CEPSTRA), n >= SLOPE_SPAN.

        The outer four columns at either end take them from the line and the parabola through the outer nine, whose
        slope and second derivative are the same everywhere: those of the nearest column with a full span.
        """
        spans = cepstrum.unfold(0, SLOPE_SPAN, 1)  # (n - 8, CEPSTRA, 9)
        inner = torch.einsum("nck,dk->dcn", spans, self._taps)  # (2, CEPSTRA, n - 8)
        slope, curvature = functional.pad(inner, (SLOPE_SPAN // 2, SLOPE_SPAN // 2), "replicate").transpose(1, 2)
        return torch.cat([cepstrum, slope, curvature], dim=1)


def to_decibels(power: Tensor) -> Tensor:
    """Return mel power in decibels."""
    return 10.0 * power.clamp(min=LEAST_POWER).log10()


def normalise(cepstrum: Tensor, mean: Tensor, deviation: Tensor) -> Tensor:
    """Return a cepstrum (n, CEPSTRA) relative to float64 statistics (CEPSTRA,)."""
    relative = (cepstrum.double() - mean) / (deviation + 1e-10)
    return torch.where(deviation > LEAST_DEVIATION, relative, 0.0).float()


def paired(columns: Tensor) -> Tensor:
    """Average columns two by two, (n, FEATURES) -> (ceil(n / 2), FEATURES); a last odd one stays as it is."""
    even = len(columns) // 2 * 2
    return torch.cat([columns[:even].unflatten(0, (-1, 2)).mean(dim=1), columns[even:]])


def _with_ends_filled(tone: Tensor) -> Tensor:
    """Copy the neighbour into a first or last column that is silent, as the published features do, at the ends only."""
    silent = tone.abs().amax(dim=1) < 1e-7
    tone[0] = torch.where(silent[0], tone[1], tone[0])
    tone[-1] = torch.where(silent[-1], tone[-2], tone[-1])
    return tone
