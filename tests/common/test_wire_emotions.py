"""Emotions between messages and arrays."""

from __future__ import annotations

import numpy as np
import pytest

from neurosync.v1 import media_pb2
from services.common.errors import BadRequestError
from services.common.wire import emotion_strengths, emotion_weights


def weight(emotion: int, strength: float) -> media_pb2.EmotionWeight:
    message = media_pb2.EmotionWeight(weight=strength)
    message.emotion = media_pb2.Emotion.ValueType(emotion)
    return message


def test_strengths_survive_messages_and_zeros_are_not_sent() -> None:
    strengths = np.array([0, 0, 0.25, 1, 0, 0, 0.5], np.float32)
    messages = emotion_weights(strengths)
    assert [(message.emotion, message.weight) for message in messages] == [
        (media_pb2.EMOTION_FEARFUL, 0.25), (media_pb2.EMOTION_HAPPY, 1.0), (media_pb2.EMOTION_SURPRISED, 0.5),
    ]  # fmt: skip
    np.testing.assert_array_equal(emotion_strengths(messages), strengths)
    assert not emotion_strengths([]).any()


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([weight(0, 0.5)], r"emotions\.emotion: expected an Emotion, got 0"),
        ([weight(8, 0.5)], r"emotions\.emotion"),
        ([weight(4, 1.1)], r"emotions\.weight: expected 0 to 1"),
        ([weight(4, -0.1)], r"emotions\.weight"),
        ([weight(4, float("nan"))], r"emotions\.weight"),
        ([weight(4, 0.1), weight(4, 0.2)], r"emotions\.emotion: expected each Emotion at most once, got '4 twice'"),
        ([weight(k, 0.1) for k in range(1, 8)] + [weight(1, 0.1)], "emotions: expected at most 7, got '8 weights'"),
    ],
)
def test_what_is_no_emotion_is_refused_by_field(weights: list[media_pb2.EmotionWeight], message: str) -> None:
    with pytest.raises(BadRequestError, match=message):
        emotion_strengths(weights, "emotions")


def test_an_error_names_the_index_where_asked_to() -> None:
    with pytest.raises(BadRequestError, match=r"emotions\[1\]\.weight"):
        emotion_strengths([weight(4, 0.1), weight(5, 2.0)], "emotions", indexed=True)
