"""Streaming version of the spectral features, with running statistics in place of those of the whole clip.

The published features are relative to the clip: its peak, its loudest band, and mean and deviation of its cepstrum.
In a stream these are not known yet, so they are taken over the last ten seconds, and at the start mixed with those of
typical speech. Scale does not matter: what the peak divides out, the cepstrum's mean subtracts as well.
"""

from __future__ import annotations

import copy

import numpy as np
import torch
from torch import Tensor

from services.common.types import Floats
from services.face.neurosync.filters import BANDS, band_edges
from services.face.neurosync.network import WINDOW
from services.face.neurosync.sound_preparation import SAMPLE_RATE
from services.face.neurosync.spectral_features import (
    BLOCK,
    HOP,
    LAGS,
    RANGE_DB,
    SLOPE_SPAN,
    FeatureExtractor,
    normalise,
    paired,
)
from services.face.neurosync.spectral_features import WINDOW as WINDOW_SAMPLES

COLUMNS_A_SECOND = SAMPLE_RATE // HOP
STATISTICS = 10 * COLUMNS_A_SECOND
"""Columns in the statistics (10 s). More: closer to whole clips; fewer: they adapt to new voices sooner."""
PRIOR = 2 * COLUMNS_A_SECOND
"""Columns that typical speech counts for at first (2 s). More: a steadier start; fewer: adapts to odd voices sooner.

Measured on nine recordings of four voices, against the statistics of the whole clip: the cepstrum is off by 0.36 of
its deviation in the first half second, 0.29 in the next, 0.15 after two seconds and 0.08 after four; without a prior
by 0.56, 0.43, 0.16 and 0.08.
"""
CONTEXT = 2 * WINDOW + SLOPE_SPAN // 2
"""Columns before a window's newest one that its features are computed from."""
MOST_KEPT = 2 * SAMPLE_RATE
"""Samples that wait to be computed at most. More: memory; fewer: columns are computed a few at a time."""
LEAST_POWER = 1e-16
"""Power of a band of digital silence (-160 dB)."""

# Typical speech: 92 s of hibari-tts 0.2.1 by random speakers (`training.face.corpus.voices`), at 24 kHz, so that bands
# above 12 kHz are empty. Means of the 128 bands relative to the loudest band of the sentence, clipped 80 dB below it;
# deviations of the 23 coefficients; and a loudest band as low as that of quiet speakers.
# fmt: off
PRIOR_LOUDEST_DB = 23.0
PRIOR_BANDS_DB = (
    -57, -55, -48, -49, -43, -46, -44, -46, -48, -47, -51, -50, -50, -52, -51, -55, -54, -54, -56, -54,
    -57, -57, -56, -58, -56, -59, -59, -58, -60, -60, -60, -61, -62, -62, -62, -63, -63, -63, -63, -63,
    -63, -63, -63, -63, -63, -63, -63, -63, -63, -64, -64, -64, -64, -65, -65, -66, -66, -66, -67, -67,
    -67, -68, -68, -68, -68, -68, -69, -69, -70, -70, -71, -71, -71, -72, -72, -73, -73, -73, -73, -73,
    -73, -72, -72, -71, -71, -71, -71, -71, -71, -71, -71, -72, -75, -79, *[-80] * 34,
)
PRIOR_DEVIATION = (
    105.3, 84.7, 46.8, 27.7, 21.7, 21.0, 17.7, 15.4, 11.8, 11.9, 12.4, 10.2, 10.2, 12.4, 9.0, 7.7, 8.9, 8.4, 7.2, 7.4,
    7.1, 6.7, 6.5,
)
# fmt: on


class RunningFeatures:
    """Feature rows of one audio stream at 88 200 Hz."""

    def __init__(self, extractor: FeatureExtractor, source_rate: int) -> None:
        """Start as if silence came before.

        Args:
            extractor: on the CPU; a hop's columns are too few for anything else.
            source_rate: hertz of the audio before it was resampled to 88 200; it has nothing above half of this.
        """
        self._extractor = extractor
        bands = np.where(band_edges(SAMPLE_RATE)[1:-1] > source_rate / 2, -RANGE_DB, PRIOR_BANDS_DB)
        self._prior = torch.from_numpy(bands.astype(np.float32))
        self._kept = torch.zeros(HOP)  # silence came before the first sample
        self._decibels = torch.empty(0, BANDS)  # of the newest columns
        self._tone = torch.empty(0, LAGS)
        self._computed = 0  # columns

    @property
    def columns(self) -> int:
        """Columns received so far."""
        return self._computed + max(0, len(self._kept) // HOP - 1)

    def copy(self) -> RunningFeatures:
        """Return an independent copy that continues from the same state."""
        return copy.copy(self)  # its tensors are replaced, never changed

    def push(self, sound: Floats) -> None:
        """Take more audio, float32 (n,)."""
        self._kept = torch.cat([self._kept, torch.from_numpy(sound)])
        if len(self._kept) > MOST_KEPT:
            self._compute()

    def _compute(self) -> None:
        """Compute the columns of the samples that wait: many at a time cost half of what a few chunks do one by one."""
        count = self.columns - self._computed
        if not count:
            return
        power, tone = [], []
        for block in self._kept.unfold(0, WINDOW_SAMPLES, HOP).split(BLOCK):  # (<= BLOCK, WINDOW_SAMPLES)
            power.append(self._extractor.mel_power(block))
            tone.append(self._extractor.autocorrelation(block))
        decibels = 10 * torch.cat(power).clamp(min=LEAST_POWER).log10()
        self._decibels = torch.cat([self._decibels[-STATISTICS:], decibels])
        self._tone = torch.cat([self._tone[-CONTEXT:], *tone])
        self._kept = self._kept[count * HOP :].clone()
        self._computed += count

    def window(self, end: int, columns: int | None = None) -> Tensor:
        """Return the newest rows before row `end`, at most WINDOW: (rows, FEATURES).

        Args:
            end: 5 or more; columns up to 2 * `end` must have been pushed, no more than a second or two beyond it.
            columns: that the statistics are taken over; None: up to `end`. After them comes the silence of a flush.
        """
        self._compute()
        stop = 2 * end
        first = max(0, 2 * (end - WINDOW) - SLOPE_SPAN // 2)
        mean, deviation, floor = self._statistics(min(stop, stop if columns is None else columns))
        decibels = self._decibels[first - self.columns + len(self._decibels) :][: stop - first]
        cepstrum = normalise(self._extractor.cepstrum(decibels, floor), mean, deviation)  # (columns, CEPSTRA)
        tone = self._tone[first - self.columns + len(self._tone) :][: stop - first]
        features = torch.cat([self._extractor.with_slopes(cepstrum), tone], dim=1)
        return paired(features[-2 * min(end, WINDOW) :])

    def _statistics(self, stop: int) -> tuple[Tensor, Tensor, Tensor]:
        """Return mean and deviation of the cepstrum, float64 (CEPSTRA,), and the floor in decibels, before `stop`."""
        oldest = self.columns - len(self._decibels)
        decibels = self._decibels[max(0, stop - STATISTICS - oldest) : stop - oldest]
        weight = max(0.0, PRIOR - len(decibels) / 2)  # gone after four seconds of this voice
        loudest = decibels.amax() if len(decibels) else torch.tensor(PRIOR_LOUDEST_DB)
        if weight:
            loudest = loudest.clamp(min=PRIOR_LOUDEST_DB)
        floor = loudest - RANGE_DB
        own = self._extractor.cepstrum(decibels, floor).double()  # (n, CEPSTRA)
        typical = self._extractor.cepstrum(loudest + self._prior, floor).double()  # (CEPSTRA,)
        spread = torch.tensor(PRIOR_DEVIATION, dtype=torch.float64).square()
        total = len(decibels) + weight
        mean = (own.sum(dim=0) + weight * typical) / total
        square = (own.square().sum(dim=0) + weight * (spread + typical.square())) / total
        return mean, (square - mean.square()).clamp(min=0).sqrt(), floor
