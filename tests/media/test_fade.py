"""The raised cosine that fades sound."""

from __future__ import annotations

import numpy as np
import pytest

from services.media.fade import INTERRUPT_FADE_SECONDS, STOP_FADE_SECONDS, apply_fade


def faded(count: int, offset: int, length: int, *, rising: bool) -> list[float]:
    sound = np.ones(count, np.float32)
    apply_fade(sound, offset, length, rising=rising)
    return [round(float(value), 4) for value in sound]


def test_a_fade_is_a_raised_cosine_that_ends_in_silence_or_in_the_sound() -> None:
    assert faded(6, 0, 4, rising=True) == [0.0381, 0.3087, 0.6913, 0.9619, 1.0, 1.0]
    assert faded(6, 0, 4, rising=False) == [0.9619, 0.6913, 0.3087, 0.0381, 0.0, 0.0]
    assert faded(6, -2, 2, rising=False) == [1.0, 1.0, 0.8536, 0.1464, 0.0, 0.0]


@pytest.mark.parametrize("rising", [False, True])
@pytest.mark.parametrize("cut", range(1, 12))
def test_blocks_fade_as_the_whole_does(cut: int, rising: bool) -> None:
    whole = np.full(12, 1000, np.float32)
    blocks = whole.copy()
    apply_fade(whole, -2, 7, rising=rising)
    apply_fade(blocks[:cut], -2, 7, rising=rising)
    apply_fade(blocks[cut:], cut - 2, 7, rising=rising)
    np.testing.assert_allclose(blocks, whole, atol=1e-3)


def test_no_fade_at_all_cuts() -> None:
    assert faded(3, -2, 0, rising=False) == [1.0, 1.0, 0.0]
    assert faded(3, 0, 0, rising=True) == [1.0, 1.0, 1.0]


def test_an_interruption_fades_faster_than_a_stop() -> None:
    assert INTERRUPT_FADE_SECONDS < STOP_FADE_SECONDS
