"""The seven emotions: names, range and columns."""

from __future__ import annotations

import numpy as np
import pytest

from services.common.wire import EMOTIONS
from services.media.emotions import EMOTION_COUNT, EMOTION_NAMES, NO_EMOTIONS, emotion_columns
from services.text.emotion_tags import EMOTION_OF_WORD


def test_names_messages_and_tags_have_the_same_emotions() -> None:
    assert tuple(EMOTIONS) == EMOTION_NAMES
    assert list(EMOTIONS.values()) == list(range(1, 8))
    assert set(EMOTION_OF_WORD.values()) == set(EMOTION_NAMES)


def test_no_emotions_are_zeros_that_cannot_be_changed() -> None:
    assert NO_EMOTIONS.shape == (EMOTION_COUNT,)
    assert not NO_EMOTIONS.any()
    with pytest.raises(ValueError, match="read-only"):
        NO_EMOTIONS[0] = 1.0


def test_columns_are_found_by_name_in_any_order_and_case() -> None:
    names = ["JawOpen", *[name.upper() for name in reversed(EMOTION_NAMES)]]
    np.testing.assert_array_equal(emotion_columns(names), [7, 6, 5, 4, 3, 2, 1])
    assert emotion_columns(names[:-1]) is None
