"""Batches of random crops from the corpus, augmented in the feature domain."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from services.face.lipsync.log_mel import BANDS, ROW, SILENCE, SUBFRAMES

BATCH, FRAMES = 24, 160
"""Crops a step, and rows a crop (2.7 s)."""
NOT_SPEECH = 0.15
"""Share of crops without speech."""
SHARES = {"flite": 2.0, "festival": 2.0, "espeak": 1.3}
"""Sampling weight of a minute of a kind, relative to hibari: these have more speakers in fewer minutes."""
WARP = 1.8
"""Largest shift of a crop's spectrum, in bands; one band is about 9 % in frequency."""
EQUALIZER = 0.13
"""Standard deviation of each of five cosines of gain over the bands (2 dB)."""


@dataclass(frozen=True)
class Shard:
    """One corpus file in memory."""

    features: NDArray[np.float16]
    curves: NDArray[np.float16]
    phones: NDArray[np.int8]
    starts: NDArray[np.int64]
    share: float
    """Sampling weight of a minute, relative to hibari's."""

    @classmethod
    def read(cls, path: Path) -> Shard:
        """Return the arrays of a `.npz`."""
        with np.load(path) as file:
            share = SHARES.get(path.name.partition("-")[0], 1.0)
            return cls(file["features"], file["curves"], file["phones"], file["starts"], share)


def _crop(shard: Shard, rng: np.random.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """Return FRAMES consecutive rows from a random place, with their curves and phones."""
    start = int(rng.integers(0, len(shard.features) - FRAMES))
    if rng.random() < 0.3:  # at the beginning of a take, where a stream's state is initial
        start = min(int(shard.starts[rng.integers(len(shard.starts))]), len(shard.features) - FRAMES)
    cut = slice(start, start + FRAMES)
    rows = torch.from_numpy(shard.features[cut].astype(np.float32))
    curves = torch.from_numpy(shard.curves[cut].astype(np.float32))
    return rows, curves, torch.from_numpy(shard.phones[cut].astype(np.int64))


def _augmented(rows: Tensor, rng: np.random.Generator) -> Tensor:
    """Return a crop's rows with another vocal-tract length and frequency response: the corpus has few of either.

    Args:
        rows: (FRAMES, ROW).
        rng: random source.
    """
    bands = rows.view(len(rows), SUBFRAMES, BANDS)  # (T, 2, 40)
    source = np.clip(np.arange(BANDS) + rng.uniform(-WARP, WARP), 0, BANDS - 1.001)
    low = torch.from_numpy(source.astype(np.int64))
    part = torch.from_numpy((source % 1).astype(np.float32))
    bands = bands[..., low] * (1 - part) + bands[..., low + 1] * part
    ripples = np.pi * np.arange(5)[:, None] * np.arange(BANDS) / BANDS + rng.uniform(0, 2 * np.pi, (5, 1))
    tone = rng.normal(0, EQUALIZER, 5) @ np.cos(ripples)
    bands = bands + torch.from_numpy(tone.astype(np.float32))
    if rng.random() < 0.3:  # some bands carry no information
        band = int(rng.integers(0, BANDS - 4))
        bands[..., band : band + int(rng.integers(1, 5))] = bands.mean()
    return torch.clamp_min(bands, SILENCE).view(len(rows), ROW)


def batches(
    speech: list[Shard], other: list[Shard], rng: np.random.Generator
) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Yield (rows, curves, phones) batches forever."""
    sizes = np.array([len(shard.features) * shard.share for shard in speech], np.float64)
    while True:
        crops = []
        for _ in range(BATCH):
            pool, odds = (speech, sizes / sizes.sum())
            if other and rng.random() < NOT_SPEECH:
                pool, odds = other, np.full(len(other), 1 / len(other))
            rows, curves, phones = _crop(pool[int(rng.choice(len(pool), p=odds))], rng)
            crops.append((_augmented(rows, rng), curves, phones))
        columns = list(zip(*crops, strict=True))
        yield torch.stack(columns[0]), torch.stack(columns[1]), torch.stack(columns[2])
