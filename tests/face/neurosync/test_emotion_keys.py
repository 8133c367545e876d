"""Emotion keys from the network's frames."""

from __future__ import annotations

import numpy as np
import pytest

from services.common.types import Floats
from services.face.neurosync.emotion_keys import EmotionKeys


def test_keys_mark_changes_and_do_not_depend_on_batches() -> None:
    frames: Floats = np.zeros((120, 68), np.float32)
    frames[20:, 64] = 80.0  # happy
    frames[21:, 66] = -3.0
    frames[60:, 64] = 250.0
    at_once = EmotionKeys().of(frames)
    assert [(key.frame, key.weights[3]) for key in at_once] == [(24, pytest.approx(0.8)), (60, 1.0)]
    keys = EmotionKeys()
    assert [key for batch in np.array_split(frames, 23) for key in keys.of(batch)] == at_once
    assert not EmotionKeys().of(frames[:, :61])
