"""Pitch and level of buzzes, noise and silence."""

from __future__ import annotations

import numpy as np
import pytest

from services.common.types import FRAME_RATE
from services.face.lipsync.log_mel import SAMPLE_RATE
from services.face.lipsync.pitch_level import PitchLevelStream


@pytest.mark.parametrize("hertz", [80, 120, 220, 400])
def test_the_pitch_of_a_buzz_is_found(hertz: int) -> None:
    t = np.arange(SAMPLE_RATE) / SAMPLE_RATE
    buzz = np.sum([np.sin(2 * np.pi * hertz * n * t) / n for n in range(1, 8)], axis=0) * 0.1
    rows = PitchLevelStream().push(buzz.astype(np.float32))
    assert len(rows.pitch) == FRAME_RATE
    np.testing.assert_allclose(rows.pitch[5:], hertz, rtol=0.02)


def test_noise_has_no_pitch_and_silence_no_level() -> None:
    noise = np.random.default_rng(1).standard_normal(SAMPLE_RATE).astype(np.float32) * np.float32(0.1)
    rows = PitchLevelStream().push(noise)
    assert np.mean(rows.pitch > 0) < 0.1
    assert PitchLevelStream().push(np.zeros(SAMPLE_RATE, np.float32)).level.max() == -100


def test_chunks_give_the_same_rows_as_the_whole() -> None:
    sound = np.random.default_rng(2).standard_normal(9000).astype(np.float32)
    stream = PitchLevelStream()
    pieces = [stream.push(piece) for piece in np.split(sound, [1, 500, 501, 4000])]
    whole = PitchLevelStream().push(sound)
    np.testing.assert_array_equal(np.concatenate([piece.pitch for piece in pieces]), whole.pitch)
    np.testing.assert_allclose(np.concatenate([piece.level for piece in pieces]), whole.level, atol=1e-4)
