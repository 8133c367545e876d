"""Sound to rows, and rates to the model's rate."""

from __future__ import annotations

import numpy as np
import pytest

from services.common.types import Floats
from services.face.lipsync.log_mel import ROW, SAMPLE_RATE, SILENCE, FeatureStream, rows_of
from services.face.lipsync.sinc_resampler import Resampler, reach


def cut(sound: Floats, seed: int, longest: int = 3000) -> list[Floats]:
    rng = np.random.default_rng(seed)
    ends = np.cumsum(rng.integers(0, longest, len(sound)))
    return np.split(sound, ends[ends < len(sound)])


def babble(seconds: float, rate: int = SAMPLE_RATE) -> Floats:
    """Noise under syllable-like swells."""
    t = np.arange(round(seconds * rate)) / rate
    rng = np.random.default_rng(3)
    sound: Floats = (rng.standard_normal(len(t)) * 0.1 * np.sin(2 * np.pi * 2 * t) ** 2).astype(np.float32)
    return sound


@pytest.mark.parametrize("seed", range(4))
def test_rows_do_not_depend_on_how_sound_is_cut(seed: int) -> None:
    sound = babble(2.3)
    stream = FeatureStream()
    pieces = np.concatenate([stream.push(piece) for piece in cut(sound, seed)])
    np.testing.assert_allclose(pieces, rows_of(sound), atol=1e-5)


def test_a_row_is_given_as_soon_as_its_sixtieth_of_a_second_is_heard() -> None:
    stream = FeatureStream()
    assert stream.push(np.zeros(266, np.float32)).shape == (0, ROW)
    assert stream.push(np.zeros(1, np.float32)).shape == (1, ROW)  # 16000 / 60 = 266.67
    assert rows_of(np.zeros(SAMPLE_RATE * 7, np.float32)).shape == (420, ROW)


def test_a_row_hears_nothing_of_the_future() -> None:
    sound = babble(1.0)
    changed = sound.copy()
    changed[8000:] = 0.5  # from 0.5 s on, so rows 0 to 29 must not change
    np.testing.assert_array_equal(rows_of(sound)[:30], rows_of(changed)[:30])
    assert np.abs(rows_of(sound)[30] - rows_of(changed)[30]).max() > 0.1


def test_digital_silence_is_the_lowest_value_everywhere() -> None:
    np.testing.assert_allclose(rows_of(np.zeros(SAMPLE_RATE, np.float32)), SILENCE, atol=1e-6)


def test_loudness_does_not_change_the_rows() -> None:
    sound = babble(2.0) * np.float32(3)
    np.testing.assert_allclose(rows_of(sound)[10:], rows_of(sound * np.float32(0.2))[10:], atol=2e-3)


def test_a_copied_stream_goes_on_alone() -> None:
    sound = babble(1.0)
    stream = FeatureStream()
    stream.push(sound[:7001])
    twin = stream.copy()
    twin.push(np.ones(5000, np.float32))
    np.testing.assert_allclose(stream.push(sound[7001:]), rows_of(sound)[26:], atol=1e-5)


@pytest.mark.parametrize("rate", [8000, 11_025, 22_050, 22_051, 24_000, 44_100, 48_000, 96_000, 192_000])
def test_resampling_keeps_a_tone_and_its_time(rate: int) -> None:
    def tone(times: np.ndarray) -> np.ndarray:
        return 0.3 * np.sin(2 * np.pi * 440 * times) + 0.1 * np.sin(2 * np.pi * 2500 * times + 1)

    resampler = Resampler(rate)
    given = np.concatenate([resampler.push(p) for p in cut(tone(np.arange(rate) / rate).astype(np.float32), rate)])
    wait = reach(rate) / rate + 2 / SAMPLE_RATE
    assert (1 - wait) * SAMPLE_RATE - 2 <= len(given) <= SAMPLE_RATE
    wanted = tone(np.arange(len(given)) / SAMPLE_RATE)
    assert np.abs(given - wanted)[100:-100].max() < 1e-3


def test_resampling_leaves_no_trace_of_what_the_model_cannot_hear() -> None:
    whistle = np.sin(2 * np.pi * 10_000 * np.arange(48_000) / 48_000).astype(np.float32)
    assert np.abs(Resampler(48_000).push(whistle)[100:]).max() < 1e-3
