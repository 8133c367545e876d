"""Emotions that come as keys and as columns of frames."""

from __future__ import annotations

import numpy as np

from neurosync.v1 import media_pb2 as media
from neurosync.v1 import player_pb2 as pb
from services.media.emotions import EMOTION_NAMES
from services.player.stream.parts import EmotionPart, FramesPart, SoundPart
from services.player.stream.play_request import play_request_parts
from services.player.stream.validation import PartValidator
from tests.player.simulation import constant

HAPPY = media.EMOTION_HAPPY


def key(at: int, strength: float = 1.0, emotion: media.Emotion.ValueType = HAPPY) -> media.EmotionKey:
    return media.EmotionKey(at_sample=at, weights=[media.EmotionWeight(emotion=emotion, weight=strength)])


def header(*names: str) -> pb.PerformRequest:
    return pb.PerformRequest(frame_header=media.FrameHeader(curve_names=names, frame_rate_hertz=60))


def test_columns_of_the_frames_are_emotions_where_they_change() -> None:
    validator = PartValidator()
    list(validator.parts(header("JawOpen", *EMOTION_NAMES)))
    table = np.zeros((6, 8), np.float32)
    table[:, 0] = 0.5
    table[2:, 4] = (0.5, 0.505, 7.0, 7.0)  # Happy; more than 1 is 1
    batch = media.FrameBatch(first_frame=10, frame_count=6, weights=table.ravel().tolist())
    parts = list(validator.parts(pb.PerformRequest(frames=batch)))
    explicit = [
        (part.at, part.rate, float(part.weights[3]), part.explicit) for part in parts if isinstance(part, EmotionPart)
    ]
    assert explicit == [(12, 60, 0.5, False), (14, 60, 1.0, False)]
    assert isinstance(parts[-1], FramesPart)


def test_emotions_of_a_whole_turn_come_in_the_order_of_time() -> None:
    request = pb.PlayRequest(pcm=constant(24_000).tobytes(), emotions=[key(13_000, 0.5), key(0)])
    order = [
        part.at if isinstance(part, EmotionPart) else part.first
        for part in play_request_parts(request, 24_000, 0.5)
        if isinstance(part, EmotionPart | SoundPart)
    ]
    assert order == [0, 0, 13_000, 12_000]
