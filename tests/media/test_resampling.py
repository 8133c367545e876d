"""Conversion of the sample rate of a stream."""

from __future__ import annotations

import numpy as np
import pytest

from services.media.resampling import Resampler


def tone(rate: int, seconds: float = 1.0) -> np.ndarray[tuple[int], np.dtype[np.int16]]:
    return (10_000 * np.sin(2 * np.pi * 440 * np.arange(round(rate * seconds)) / rate)).astype(np.int16)


@pytest.mark.parametrize("chunk", [160, 1000, 24_000])
@pytest.mark.parametrize(("rate_in", "rate_out"), [(24_000, 48_000), (44_100, 24_000)])
def test_chunks_become_one_sound_without_clicks(rate_in: int, rate_out: int, chunk: int) -> None:
    resampler, pcm = Resampler(rate_in, rate_out), tone(rate_in)
    parts = [resampler.push(pcm[start : start + chunk]) for start in range(0, len(pcm), chunk)]
    converted = np.concatenate([*parts, resampler.end()])
    assert abs(len(converted) - rate_out) <= 1
    middle = slice(rate_out // 10, rate_out * 9 // 10)
    np.testing.assert_allclose(converted[middle], tone(rate_out)[middle], atol=30)


def test_a_sound_at_the_right_rate_passes_unchanged() -> None:
    resampler = Resampler(24_000, 24_000)
    np.testing.assert_array_equal(resampler.push(tone(24_000)), tone(24_000))
    assert len(resampler.end()) == 0
