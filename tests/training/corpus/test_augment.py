"""Augmentation of synthetic speech."""

from __future__ import annotations

import numpy as np

from training.face.corpus.augment import telephone


def test_a_telephone_leaves_the_middle_of_the_voice() -> None:
    t = np.arange(16_000) / 16_000
    power = {hz: np.std(telephone((0.1 * np.sin(2 * np.pi * hz * t)).astype(np.float32))) for hz in (100, 1000, 5000)}
    assert power[1000] > 0.06
    assert max(power[100], power[5000]) < 0.1 * power[1000]
