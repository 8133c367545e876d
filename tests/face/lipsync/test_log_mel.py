"""Log-mel rows of noise and silence."""

from __future__ import annotations

import numpy as np
import pytest

from services.common.types import Floats
from services.face.lipsync.log_mel import ROW, SAMPLE_RATE, SILENCE, LogMelStream, log_mel_rows


def in_chunks(sound: Floats, seed: int, longest: int = 3000) -> list[Floats]:
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
def test_rows_do_not_depend_on_the_chunks(seed: int) -> None:
    sound = babble(2.3)
    stream = LogMelStream()
    pieces = np.concatenate([stream.push(piece) for piece in in_chunks(sound, seed)])
    np.testing.assert_allclose(pieces, log_mel_rows(sound), atol=1e-5)


def test_a_row_is_given_as_soon_as_its_sixtieth_of_a_second_is_there() -> None:
    stream = LogMelStream()
    assert stream.push(np.zeros(266, np.float32)).shape == (0, ROW)
    assert stream.push(np.zeros(1, np.float32)).shape == (1, ROW)  # 16000 / 60 = 266.67
    assert log_mel_rows(np.zeros(SAMPLE_RATE * 7, np.float32)).shape == (420, ROW)


def test_a_row_depends_on_nothing_after_it() -> None:
    sound = babble(1.0)
    changed = sound.copy()
    changed[8000:] = 0.5  # from 0.5 s on, so rows 0 to 29 must not change
    np.testing.assert_array_equal(log_mel_rows(sound)[:30], log_mel_rows(changed)[:30])
    assert np.abs(log_mel_rows(sound)[30] - log_mel_rows(changed)[30]).max() > 0.1


def test_digital_silence_is_the_lowest_value_everywhere() -> None:
    np.testing.assert_allclose(log_mel_rows(np.zeros(SAMPLE_RATE, np.float32)), SILENCE, atol=1e-6)


def test_loudness_does_not_change_the_rows() -> None:
    sound = babble(2.0) * np.float32(3)
    np.testing.assert_allclose(log_mel_rows(sound)[10:], log_mel_rows(sound * np.float32(0.2))[10:], atol=2e-3)


def test_a_copied_stream_is_independent() -> None:
    sound = babble(1.0)
    stream = LogMelStream()
    stream.push(sound[:7001])
    twin = stream.copy()
    twin.push(np.ones(5000, np.float32))
    np.testing.assert_allclose(stream.push(sound[7001:]), log_mel_rows(sound)[26:], atol=1e-5)
