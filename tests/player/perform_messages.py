"""Messages of a `Perform` stream for the tests."""

from __future__ import annotations

import uuid

from neurosync.v1 import media_pb2 as media
from neurosync.v1 import player_pb2 as pb


def config(**changes: object) -> pb.PerformConfig:
    message = pb.PerformConfig(turn_id=str(uuid.uuid4()), format=media.AudioFormat(sample_rate_hertz=24_000))
    message.MergeFrom(pb.PerformConfig(**changes))  # type: ignore[arg-type]
    return message


def header(*names: str, rate: int = 60) -> pb.PerformRequest:
    return pb.PerformRequest(frame_header=media.FrameHeader(curve_names=names or ("JawOpen",), frame_rate_hertz=rate))


def audio(first: int, pcm: bytes) -> pb.PerformRequest:
    return pb.PerformRequest(audio=media.AudioChunk(first_sample=first, pcm=pcm))


def frames(first: int, count: int, *weights: float) -> pb.PerformRequest:
    return pb.PerformRequest(frames=media.FrameBatch(first_frame=first, frame_count=count, weights=weights))


def emotion(at: int, kind: int, weight: float) -> pb.PerformRequest:
    weights = [media.EmotionWeight(emotion=kind, weight=weight)]  # type: ignore[arg-type]
    return pb.PerformRequest(emotion=media.EmotionKey(at_sample=at, weights=weights))
