"""Conversion and validation of `neurosync.v1` messages: samples, frames, emotions, durations; errors name the field."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from typing import Final, TypeVar

import numpy as np
from google.protobuf.duration_pb2 import Duration

from neurosync.v1 import media_pb2, player_pb2
from services.common.errors import BadRequestError, InactiveError
from services.common.types import MAX_SUBJECT_BYTES, SAMPLE_RATES, Pcm, Weights

T = TypeVar("T")

MAX_CHUNK_BYTES = 1 << 21  # 2 MB, half of gRPC's limit: far more than the 100 ms that a chunk should hold

EMOTIONS: Final[dict[str, media_pb2.Emotion.ValueType]] = {
    name.removeprefix("EMOTION_").capitalize(): value for name, value in media_pb2.Emotion.items() if value
}
"""The enum value of each emotion by name, in the order of `services.media.emotions.EMOTION_NAMES`."""
_EMOTION_ROWS: Final = {value: row for row, value in enumerate(EMOTIONS.values())}


def duration(seconds: float) -> Duration:
    """Return a protobuf duration."""
    message = Duration()
    message.FromNanoseconds(round(seconds * 1e9))
    return message


def seconds_of(message: Duration) -> float:
    """Return a protobuf duration in seconds."""
    return message.ToNanoseconds() / 1e9


def check_sample_rate(field: str, rate: int, lowest: int = SAMPLE_RATES[0], highest: int = SAMPLE_RATES[1]) -> int:
    """Return `rate` (Hz) if it lies within the limits.

    Raises:
        BadRequestError: `rate` lies outside the limits.
    """
    if not lowest <= rate <= highest:
        raise BadRequestError(field, rate, f"{lowest} to {highest} Hz")
    return rate


def check_subject(field: str, text: str) -> str:
    """Return `text` if it is valid as the name of a character, which is also its Live Link subject name.

    Raises:
        BadRequestError: `text` is empty, too long or not printable.
    """
    if not 1 <= len(text.encode()) <= MAX_SUBJECT_BYTES or not text.isprintable():
        raise BadRequestError(field, text, f"1 to {MAX_SUBJECT_BYTES} bytes of printable text")
    return text


def parse_turn_id(text: str, field: str = "turn_id") -> str:
    """Parse the id of a turn; return it in lower case, with hyphens.

    Raises:
        BadRequestError: `text` is not a UUID.
    """
    try:
        if len(text) == 36:
            return str(uuid.UUID(text))
    except ValueError:
        pass
    raise BadRequestError(field, text, "a UUID, such as 3f1d4c62-8a59-4a8e-9a0c-6f7f0b6f2f11")


def busy_policy(policy: player_pb2.BusyPolicy.ValueType, field: str = "policy") -> player_pb2.BusyPolicy.ValueType:
    """Return the policy for a character that is speaking already; unspecified means replace.

    Raises:
        BadRequestError: The value is unknown.
    """
    if policy not in player_pb2.BusyPolicy.values():
        raise BadRequestError(field, policy, "a BusyPolicy")
    return policy or player_pb2.BUSY_POLICY_REPLACE


def pcm_of(chunk: media_pb2.AudioChunk, expected_sample: int | None = None, *, field: str = "audio") -> Pcm:
    """Return the samples of a chunk.

    Args:
        chunk: The message.
        expected_sample: Position at which the chunk must start; None skips the check.
        field: Name of the message in errors.

    Raises:
        BadRequestError: Half a sample, too many bytes, or a gap or overlap with the chunk before.
    """
    if len(chunk.pcm) % 2:
        raise BadRequestError(f"{field}.pcm", f"{len(chunk.pcm)} bytes", "an even number of bytes (PCM16)")
    if len(chunk.pcm) > MAX_CHUNK_BYTES:
        raise BadRequestError(f"{field}.pcm", f"{len(chunk.pcm)} bytes", f"at most {MAX_CHUNK_BYTES} bytes")
    if expected_sample is not None and chunk.first_sample != expected_sample:
        raise BadRequestError(f"{field}.first_sample", chunk.first_sample, f"{expected_sample}, no gap and no overlap")
    return np.frombuffer(chunk.pcm, "<i2")


def audio_chunk(first_sample: int, pcm: Pcm) -> media_pb2.AudioChunk:
    """Return samples as a message; `first_sample` is the position of the first one."""
    return media_pb2.AudioChunk(first_sample=first_sample, pcm=pcm.astype("<i2", copy=False).tobytes())


def weights_of(batch: media_pb2.FrameBatch, curve_count: int, *, field: str = "frames") -> Weights:
    """Return the frames of a batch, shape (frame_count, curve_count).

    Raises:
        BadRequestError: The counts disagree, a count or index is negative, or a value is not finite.
    """
    if batch.first_frame < 0:
        raise BadRequestError(f"{field}.first_frame", batch.first_frame, "0 or more")
    if batch.frame_count < 0:
        raise BadRequestError(f"{field}.frame_count", batch.frame_count, "0 or more")
    if len(batch.weights) != batch.frame_count * curve_count:
        wanted = f"frame_count * {curve_count} curves = {batch.frame_count * curve_count}"
        raise BadRequestError(f"{field}.weights", f"{len(batch.weights)} values", wanted)
    weights = np.array(batch.weights, np.float32).reshape(batch.frame_count, curve_count)  # (frame_count, curve_count)
    if not np.isfinite(weights).all():
        raise BadRequestError(f"{field}.weights", "a value that is not finite", "finite values")
    return weights


def frame_batch(first_frame: int, weights: Weights) -> media_pb2.FrameBatch:
    """Return frames of shape (frame_count, curve_count) as a message."""
    return media_pb2.FrameBatch(
        first_frame=first_frame, frame_count=len(weights), weights=weights.astype(np.float32).ravel().tolist()
    )


def emotion_weights(strengths: Weights | Sequence[float]) -> list[media_pb2.EmotionWeight]:
    """Return emotion strengths, 0 to 1, shape (7,), as messages; strengths of 0 are omitted."""
    pairs = zip(EMOTIONS.values(), np.asarray(strengths, np.float32).tolist(), strict=True)
    return [media_pb2.EmotionWeight(emotion=emotion, weight=weight) for emotion, weight in pairs if weight]


def emotion_strengths(
    weights: Sequence[media_pb2.EmotionWeight], field: str = "weights", *, indexed: bool = False
) -> Weights:
    """Return the strength of each emotion, 0 to 1, shape (7,), from messages that may omit some.

    Args:
        weights: The messages.
        field: Name of the repeated field, for errors.
        indexed: Whether errors also name the index of the message.

    Raises:
        BadRequestError: An emotion is unspecified, unknown or repeated, or a strength is not within 0 to 1.
    """
    if len(weights) > len(EMOTIONS):
        raise BadRequestError(field, f"{len(weights)} weights", f"at most {len(EMOTIONS)}")
    strengths = np.zeros(len(EMOTIONS), np.float32)
    seen: set[int] = set()
    for index, item in enumerate(weights):
        where = f"{field}[{index}]" if indexed else field
        if not 0 <= item.weight <= 1:  # also refuses NaN
            raise BadRequestError(f"{where}.weight", item.weight, "0 to 1")
        if item.emotion not in _EMOTION_ROWS:
            raise BadRequestError(f"{where}.emotion", item.emotion, "an Emotion")
        if item.emotion in seen:
            raise BadRequestError(f"{where}.emotion", f"{item.emotion} twice", "each Emotion at most once")
        seen.add(item.emotion)
        strengths[_EMOTION_ROWS[item.emotion]] = item.weight
    return strengths


async def within(stream: AsyncIterator[T], seconds: float, what: str) -> AsyncIterator[T]:
    """Yield the messages of a stream with a timeout of `seconds` for each message.

    If `stream` is a generator, it is closed when this generator is closed.

    Raises:
        InactiveError: No message came in time.
    """
    iterator = aiter(stream)
    try:
        while True:
            try:
                async with asyncio.timeout(seconds):
                    message = await anext(iterator)
            except StopAsyncIteration:
                return
            except TimeoutError as error:
                raise InactiveError(f"no message of {what} for {seconds:g} s") from error
            yield message
    finally:
        if isinstance(iterator, AsyncGenerator):
            await iterator.aclose()
