"""Audio without speech."""

from __future__ import annotations

import numpy as np
import pytest

from training.face.corpus.non_speech import KINDS


@pytest.mark.parametrize("kind", KINDS)
def test_sounds_without_speech_have_the_length_requested(kind: str) -> None:
    sound = KINDS[kind][0](48_000, np.random.default_rng(1))
    assert sound.shape == (48_000,)
    assert sound.dtype == np.float32
    assert np.isfinite(sound).all()
