"""From the messages of a sender to checked parts of a turn; every refusal names the field."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from neurosync.v1 import media_pb2
from neurosync.v1 import player_pb2 as pb
from services.common.errors import BadRequestError
from services.common.types import FRAME_RATES, MAX_SUBJECT_BYTES, Pcm, Weights
from services.common.wire import check_sample_rate, emotion_strengths, pcm_of, weights_of
from services.media.curves import columns
from services.media.emotions import NO_EMOTIONS, emotion_columns
from services.player.turns.emotion_track import changes
from services.player.turns.played_turn import TurnConfig

MAX_CURVES = 512  # of a header; the largest known rigs have about 250
MAX_FRAME = 1 << 31  # 414 days at 60 Hz
MAX_SHOWN = 8  # names in an error
MAX_KEYS = 10_000  # of emotions in a whole performance


@dataclass(frozen=True)
class Sound:
    """A run of samples, from sample `first` of the turn."""

    first: int
    pcm: Pcm


@dataclass(frozen=True)
class FrameOpening:
    """What the frames to come hold: the column of each of the 61 curves (or -1), and their rate in Hz."""

    columns: npt.NDArray[np.intp]
    rate: int


@dataclass(frozen=True)
class Frames:
    """A run of frames, shape (n, columns), from frame `first` of the turn."""

    first: int
    weights: Weights
    rate: int


@dataclass(frozen=True)
class Feeling:
    """Emotions from a moment of the turn on."""

    at: int
    """Sample, or frame."""
    rate: int | None
    """Of the frames, in Hz; None: `at` is a sample."""
    weights: Weights
    """Strength of each emotion, 0 to 1, shape (7,)."""
    told: bool
    """Whether it was told by itself; False: it came with the frames."""

    def seconds(self, sample_rate: int) -> float:
        """Return the moment, in a turn of `sample_rate` Hz."""
        return self.at / (self.rate or sample_rate)


@dataclass(frozen=True)
class End:
    """Nothing more comes."""


Part: TypeAlias = Sound | FrameOpening | Frames | Feeling | End


def turn_id_of(text: str, field: str) -> str:
    """Return a turn's id in its usual form.

    Raises:
        BadRequestError: It is no UUID.
    """
    try:
        if len(text) == 36:
            return str(uuid.UUID(text))
    except ValueError:
        pass
    raise BadRequestError(field, text, "a UUID, such as 3f1d4c62-8a59-4a8e-9a0c-6f7f0b6f2f11")


def subject_of(text: str, field: str) -> str:
    """Return the name of a subject.

    Raises:
        BadRequestError: It is too long, empty or not printable.
    """
    if not 1 <= len(text.encode()) <= MAX_SUBJECT_BYTES or not text.isprintable():
        raise BadRequestError(field, text, f"1 to {MAX_SUBJECT_BYTES} bytes of printable text")
    return text


def config_of(config: pb.PerformConfig, default_subject: str) -> TurnConfig:
    """Return what a turn is to be.

    Raises:
        BadRequestError: A field is wrong.
    """
    if config.policy not in pb.BusyPolicy.values():
        raise BadRequestError("config.policy", config.policy, "a BusyPolicy")
    return TurnConfig(
        turn_id=turn_id_of(config.turn_id, "config.turn_id"),
        subject=subject_of(config.subject, "config.subject") if config.subject else default_subject,
        sample_rate=check_sample_rate("config.format.sample_rate_hertz", config.format.sample_rate_hertz),
        policy=config.policy or pb.BUSY_POLICY_REPLACE,
        voice_only=config.voice_only,
    )


class Intake:
    """Checks the messages of one turn after its config."""

    def __init__(self) -> None:
        self._next_sample = 0
        self._next_frame = 0
        self._header: media_pb2.FrameHeader | None = None
        self._emotions: npt.NDArray[np.intp] | None = None
        self._felt = NO_EMOTIONS
        self._ended = False

    def parts(self, request: pb.PerformRequest) -> Iterator[Part]:
        """Yield what a message brings.

        Raises:
            BadRequestError: The message is wrong, or is not what may come now.
        """
        kind = request.WhichOneof("part")
        if self._ended:
            raise BadRequestError(kind or "part", kind, "nothing after end")
        if kind == "audio":
            sound = self.sound(request.audio, "audio")
            if len(sound.pcm):  # what brings nothing is no sign of life either
                yield sound
        elif kind == "frame_header":
            yield self.opening(request.frame_header, "frame_header")
        elif kind == "frames":
            frames = self.frames(request.frames, "frames")
            yield from self.feelings(frames)
            yield frames
        elif kind == "emotion":
            yield feeling_of(request.emotion, "emotion")
        elif kind == "end":
            self._ended = True
            yield End()
        else:
            raise BadRequestError(kind or "part", kind, "audio, frame_header, frames, emotion or end after the config")

    def sound(self, chunk: media_pb2.AudioChunk, field: str) -> Sound:
        """Return a chunk of sound that follows the one before."""
        pcm = pcm_of(chunk, self._next_sample, field=field)
        self._next_sample += len(pcm)
        return Sound(chunk.first_sample, pcm)

    def opening(self, header: media_pb2.FrameHeader, field: str) -> FrameOpening:
        """Return the meaning of the frames to come; once a turn."""
        if self._header is not None:
            raise BadRequestError(field, "a second one", "one frame header a turn")
        if len(header.curve_names) > MAX_CURVES:
            seen = f"{len(header.curve_names)} names"
            raise BadRequestError(f"{field}.curve_names", seen, f"up to {MAX_CURVES} different names")
        names = list(header.curve_names)
        if len({name.lower() for name in names}) != len(names):
            raise BadRequestError(f"{field}.curve_names", names[:MAX_SHOWN], "different names")
        found = columns(names)
        if not (found >= 0).any():
            raise BadRequestError(
                f"{field}.curve_names", names[:MAX_SHOWN], "at least one ARKit curve, such as JawOpen"
            )
        rate = check_sample_rate(f"{field}.frame_rate_hertz", header.frame_rate_hertz, *FRAME_RATES)
        self._header, self._emotions = header, emotion_columns(names)
        return FrameOpening(found, rate)

    def frames(self, batch: media_pb2.FrameBatch, field: str) -> Frames:
        """Return frames that come after those before; some may be left out."""
        if self._header is None:
            raise BadRequestError(field, "frames", "a frame_header before them")
        weights = weights_of(batch, len(self._header.curve_names), field=field)
        if not self._next_frame <= batch.first_frame <= MAX_FRAME:
            raise BadRequestError(f"{field}.first_frame", batch.first_frame, f"{self._next_frame} or later")
        self._next_frame = batch.first_frame + len(weights)
        return Frames(batch.first_frame, weights, self._header.frame_rate_hertz)

    def feelings(self, frames: Frames) -> Iterator[Feeling]:
        """Yield the emotions that come with frames, where they change."""
        if self._emotions is None:
            return
        emotions = np.clip(frames.weights[:, self._emotions], 0, 1)  # (n, 7)
        for row in changes(emotions, self._felt):
            self._felt = emotions[row]
            yield Feeling(frames.first + row, frames.rate, self._felt, told=False)


def feeling_of(key: media_pb2.EmotionKey, field: str) -> Feeling:
    """Return emotions from a sample on.

    Raises:
        BadRequestError: A field is wrong.
    """
    if key.at_sample < 0:
        raise BadRequestError(f"{field}.at_sample", key.at_sample, "0 or more")
    return Feeling(key.at_sample, None, emotion_strengths(key.weights, f"{field}.weights"), told=True)


def whole(request: pb.PlayRequest, rate: int, slice_seconds: float) -> Iterator[Part]:
    """Yield the parts of a whole performance, face before sound, in slices of `slice_seconds`.

    Args:
        request: The performance.
        rate: Hz of its sound.
        slice_seconds: Length of a slice; frames and sound of one time travel together, so neither waits for the other.

    Raises:
        BadRequestError: A field is wrong; raised before the first part.
    """
    intake = Intake()
    sound = intake.sound(media_pb2.AudioChunk(first_sample=0, pcm=request.pcm), "request")
    opening = frames = None
    if request.HasField("frame_header"):
        opening = intake.opening(request.frame_header, "frame_header")
    if request.HasField("frames"):
        frames = intake.frames(request.frames, "frames")
    if len(request.emotions) > MAX_KEYS:
        raise BadRequestError("emotions", f"{len(request.emotions)} keys", f"at most {MAX_KEYS}")
    feelings = [feeling_of(key, "emotions") for key in request.emotions]
    if frames is not None:
        feelings += intake.feelings(frames)
    feelings.sort(key=lambda feeling: feeling.seconds(rate))
    parts = _interleaved(sound, opening, frames, max(1, round(rate * slice_seconds)), slice_seconds)
    return _with_feelings(parts, feelings, rate)


def _interleaved(
    sound: Sound, opening: FrameOpening | None, frames: Frames | None, samples: int, seconds: float
) -> Iterator[Part]:
    if opening is not None:
        yield opening
    shown = 0
    for number, first in enumerate(range(0, len(sound.pcm), samples), start=1):
        if frames is not None:
            until = max(shown, round(number * seconds * frames.rate) - frames.first)
            yield Frames(frames.first + shown, frames.weights[shown:until], frames.rate)
            shown = min(until, len(frames.weights))
        yield Sound(first, sound.pcm[first : first + samples])
    yield End()


def _with_feelings(parts: Iterator[Part], feelings: list[Feeling], rate: int) -> Iterator[Part]:
    """Yield parts, and before the sound of a moment what is felt by its end."""
    felt = 0
    for part in parts:
        if isinstance(part, Sound):
            until = (part.first + len(part.pcm)) / rate
            while felt < len(feelings) and feelings[felt].seconds(rate) < until:
                yield feelings[felt]
                felt += 1
        yield part
