"""Validation of the face service's requests: model name, style and emotion keys. Every refusal names its field."""

from __future__ import annotations

from neurosync.v1 import face_pb2, media_pb2
from services.common.errors import BadRequestError
from services.common.wire import emotion_strengths, seconds_of
from services.face.style import MAX_FACTOR, MAX_SMOOTHING_SECONDS, REGIONS, Style


def check_model_name(field: str, name: str, served: str) -> None:
    """Check the model that a request names; an empty name selects the served model.

    Raises:
        BadRequestError: It names a model other than `served`.
    """
    if name not in {"", served}:
        raise BadRequestError(field, name, f"empty or one of: {served}")


def style_of(requested: face_pb2.FaceStyle, default: Style, field: str) -> Style:
    """Return the default style with the fields that a request sets in its place.

    Raises:
        BadRequestError: A value is out of its range.
    """
    factors = {
        region: _in_range(f"{field}.{region}", getattr(requested, region), MAX_FACTOR)
        for region in REGIONS
        if requested.HasField(region)
    }
    smoothing = seconds_of(requested.smoothing) if requested.HasField("smoothing") else default.smoothing
    closure = requested.closure if requested.HasField("closure") else default.closure
    return Style(
        {**default.strength, **factors},
        _in_range(f"{field}.smoothing", smoothing, MAX_SMOOTHING_SECONDS, " s"),
        _in_range(f"{field}.closure", closure, MAX_FACTOR),
    )


def check_emotion(key: media_pb2.EmotionKey) -> None:
    """Check an emotion key.

    Raises:
        BadRequestError: Its sample is negative, it has too many weights, a strength is not 0 to 1, or an emotion is
            unknown.
    """
    if key.at_sample < 0:
        raise BadRequestError("emotion.at_sample", key.at_sample, "0 or more")
    emotion_strengths(key.weights, "emotion.weights")


def _in_range(field: str, value: float, largest: float, unit: str = "") -> float:
    """Return a value between 0 and `largest`.

    Raises:
        BadRequestError: It is outside that range.
    """
    if not 0 <= value <= largest:  # also refuses NaN
        raise BadRequestError(field, value, f"0 to {largest:g}{unit}")
    return value
