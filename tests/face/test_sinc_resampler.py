"""Resampling of audio that arrives in chunks."""

from __future__ import annotations

import numpy as np
import pytest

from services.common.types import Floats
from services.face.sinc_resampler import SincResampler, reach

SAMPLE_RATE = 16_000
"""Hertz, of the output."""


def in_chunks(sound: Floats, seed: int, longest: int = 3000) -> list[Floats]:
    rng = np.random.default_rng(seed)
    ends = np.cumsum(rng.integers(0, longest, len(sound)))
    return np.split(sound, ends[ends < len(sound)])


@pytest.mark.parametrize("rate", [8000, 11_025, 22_050, 22_051, 24_000, 44_100, 48_000, 96_000, 192_000])
def test_resampling_keeps_a_tone_and_its_time(rate: int) -> None:
    def tone(times: np.ndarray) -> np.ndarray:
        return 0.3 * np.sin(2 * np.pi * 440 * times) + 0.1 * np.sin(2 * np.pi * 2500 * times + 1)

    resampler = SincResampler(rate, SAMPLE_RATE)
    given = np.concatenate(
        [resampler.push(p) for p in in_chunks(tone(np.arange(rate) / rate).astype(np.float32), rate)]
    )
    wait = reach(rate, SAMPLE_RATE) / rate + 2 / SAMPLE_RATE
    assert (1 - wait) * SAMPLE_RATE - 2 <= len(given) <= SAMPLE_RATE
    wanted = tone(np.arange(len(given)) / SAMPLE_RATE)
    assert np.abs(given - wanted)[100:-100].max() < 1e-3


def test_resampling_removes_what_lies_above_the_new_nyquist_frequency() -> None:
    whistle = np.sin(2 * np.pi * 10_000 * np.arange(48_000) / 48_000).astype(np.float32)
    assert np.abs(SincResampler(48_000, SAMPLE_RATE).push(whistle)[100:]).max() < 1e-3
