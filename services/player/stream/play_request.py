"""The parts of a whole turn that comes in one `Play` message, in the order in which a stream would bring them."""

from __future__ import annotations

from collections.abc import Iterator

from neurosync.v1 import media_pb2
from neurosync.v1 import player_pb2 as pb
from services.common.errors import BadRequestError
from services.player.stream.parts import EmotionPart, EndPart, FrameHeaderPart, FramesPart, Part, SoundPart
from services.player.stream.validation import PartValidator, emotion_part

MAX_KEYS = 10_000  # of emotions


def play_request_parts(request: pb.PlayRequest, rate: int, slice_seconds: float) -> Iterator[Part]:
    """Yield the parts of a whole turn, face before sound, in slices of `slice_seconds`.

    Args:
        request: The turn.
        rate: Hz of its sound.
        slice_seconds: Length of a slice; frames and sound of one time travel together, so neither waits for the other.

    Raises:
        BadRequestError: A field is wrong; raised before the first part.
    """
    validator = PartValidator()
    sound = validator.sound(media_pb2.AudioChunk(first_sample=0, pcm=request.pcm), "request")
    header = frames = None
    if request.HasField("frame_header"):
        header = validator.frame_header(request.frame_header, "frame_header")
    if request.HasField("frames"):
        frames = validator.frames(request.frames, "frames")
    if len(request.emotions) > MAX_KEYS:
        raise BadRequestError("emotions", f"{len(request.emotions)} keys", f"at most {MAX_KEYS}")
    emotions = [emotion_part(key, "emotions") for key in request.emotions]
    if frames is not None:
        emotions += validator.emotions(frames)
    emotions.sort(key=lambda part: part.seconds(rate))
    parts = _interleaved(sound, header, frames, max(1, round(rate * slice_seconds)), slice_seconds)
    return _with_emotions(parts, emotions, rate)


def _interleaved(
    sound: SoundPart, header: FrameHeaderPart | None, frames: FramesPart | None, samples: int, seconds: float
) -> Iterator[Part]:
    if header is not None:
        yield header
    shown = 0
    for number, first in enumerate(range(0, len(sound.pcm), samples), start=1):
        if frames is not None:
            until = max(shown, round(number * seconds * frames.rate) - frames.first)
            yield FramesPart(frames.first + shown, frames.weights[shown:until], frames.rate)
            shown = min(until, len(frames.weights))
        yield SoundPart(first, sound.pcm[first : first + samples])
    yield EndPart()


def _with_emotions(parts: Iterator[Part], emotions: list[EmotionPart], rate: int) -> Iterator[Part]:
    """Yield the parts, and before each piece of sound the emotions that begin within it."""
    sent = 0
    for part in parts:
        if isinstance(part, SoundPart):
            until = (part.first + len(part.pcm)) / rate
            while sent < len(emotions) and emotions[sent].seconds(rate) < until:
                yield emotions[sent]
                sent += 1
        yield part
