"""What requests of the face service ask for, checked; every refusal names its field."""

from __future__ import annotations

from neurosync.v1 import face_pb2, media_pb2
from services.common.errors import BadRequestError
from services.common.wire import seconds_of
from services.face.style import LONGEST, MOST, REGIONS, Style


def check_name(field: str, name: str, known: str) -> None:
    """Check the name of a model, of which one is `known`; empty names the default.

    Raises:
        BadRequestError: There is none of that name.
    """
    if name not in {"", known}:
        raise BadRequestError(field, name, f"empty or one of: {known}")


def style_of(asked: face_pb2.FaceStyle, usual: Style, field: str) -> Style:
    """Return the usual style with what is asked for in its place.

    Raises:
        BadRequestError: A value is out of its range.
    """
    factors = {
        region: _checked(f"{field}.{region}", getattr(asked, region), MOST)
        for region in REGIONS
        if asked.HasField(region)
    }
    smoothing = seconds_of(asked.smoothing) if asked.HasField("smoothing") else usual.smoothing
    closure = asked.closure if asked.HasField("closure") else usual.closure
    return Style(
        {**usual.strength, **factors},
        _checked(f"{field}.smoothing", smoothing, LONGEST, " s"),
        _checked(f"{field}.closure", closure, MOST),
    )


def check_emotion(key: media_pb2.EmotionKey) -> None:
    """Check what is to be felt from a sample on.

    Raises:
        BadRequestError: A sample, a strength or an emotion that cannot be.
    """
    if key.at_sample < 0:
        raise BadRequestError("emotion.at_sample", key.at_sample, "0 or more")
    known = media_pb2.Emotion.values()
    if len(key.weights) >= len(known):
        raise BadRequestError("emotion.weights", f"{len(key.weights)} weights", f"at most {len(known) - 1}")
    for weight in key.weights:
        _checked("emotion.weights.weight", weight.weight, 1)
        if not weight.emotion or weight.emotion not in known:
            raise BadRequestError("emotion.weights.emotion", weight.emotion, "an Emotion")


def _checked(field: str, value: float, most: float, unit: str = "") -> float:
    """Return a value between 0 and `most`.

    Raises:
        BadRequestError: It is not.
    """
    if not 0 <= value <= most:  # also refuses NaN
        raise BadRequestError(field, value, f"0 to {most:g}{unit}")
    return value
