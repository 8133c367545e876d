"""Validation of the messages of a turn: from `neurosync.v1` to checked parts; every error names the field."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from neurosync.v1 import media_pb2
from neurosync.v1 import player_pb2 as pb
from services.common.errors import BadRequestError
from services.common.types import FRAME_RATES
from services.common.wire import (
    busy_policy,
    check_sample_rate,
    check_subject,
    emotion_strengths,
    parse_turn_id,
    pcm_of,
    weights_of,
)
from services.media.curves import columns
from services.media.emotions import NO_EMOTIONS, emotion_columns
from services.player.stream.parts import EmotionPart, EndPart, FrameHeaderPart, FramesPart, Part, SoundPart
from services.player.turns.emotion_track import changes
from services.player.turns.turn_config import TurnConfig

MAX_CURVES = 512  # of a header; the largest known rigs have about 250
MAX_FRAME = 1 << 31  # 414 days at 60 Hz
MAX_SHOWN = 8  # names in an error


def config_of(config: pb.PerformConfig, default_character: str) -> TurnConfig:
    """Return the configuration of a turn; without a name it is for `default_character`.

    Raises:
        BadRequestError: A field is wrong.
    """
    policy = busy_policy(config.policy, "config.policy")
    return TurnConfig(
        turn_id=parse_turn_id(config.turn_id, "config.turn_id"),
        character=check_subject("config.subject", config.subject) if config.subject else default_character,
        sample_rate=check_sample_rate("config.format.sample_rate_hertz", config.format.sample_rate_hertz),
        policy=policy,
        voice_only=config.voice_only,
    )


class PartValidator:
    """Validates the messages of one turn after its config, in their order."""

    def __init__(self) -> None:
        self._next_sample = 0
        self._next_frame = 0
        self._header: media_pb2.FrameHeader | None = None
        self._emotion_columns: npt.NDArray[np.intp] | None = None
        self._latest_emotions = NO_EMOTIONS
        self._ended = False

    def parts(self, request: pb.PerformRequest) -> Iterator[Part]:
        """Yield the parts of a message.

        Raises:
            BadRequestError: A field is wrong, or the message may not come now.
        """
        kind = request.WhichOneof("part")
        if self._ended:
            raise BadRequestError(kind or "part", kind, "nothing after end")
        if kind == "audio":
            sound = self.sound(request.audio, "audio")
            if len(sound.pcm):  # an empty chunk does not show that the sender is active
                yield sound
        elif kind == "frame_header":
            yield self.frame_header(request.frame_header, "frame_header")
        elif kind == "frames":
            frames = self.frames(request.frames, "frames")
            yield from self.emotions(frames)
            yield frames
        elif kind == "emotion":
            yield emotion_part(request.emotion, "emotion")
        elif kind == "end":
            self._ended = True
            yield EndPart()
        else:
            raise BadRequestError(kind or "part", kind, "audio, frame_header, frames, emotion or end after the config")

    def sound(self, chunk: media_pb2.AudioChunk, field: str) -> SoundPart:
        """Return a chunk of sound that follows the one before."""
        pcm = pcm_of(chunk, self._next_sample, field=field)
        self._next_sample += len(pcm)
        return SoundPart(chunk.first_sample, pcm)

    def frame_header(self, header: media_pb2.FrameHeader, field: str) -> FrameHeaderPart:
        """Return the layout of the frames that follow; once a turn."""
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
        self._header, self._emotion_columns = header, emotion_columns(names)
        return FrameHeaderPart(found, rate)

    def frames(self, batch: media_pb2.FrameBatch, field: str) -> FramesPart:
        """Return frames that come after those before; some may be left out."""
        if self._header is None:
            raise BadRequestError(field, "frames", "a frame_header before them")
        weights = weights_of(batch, len(self._header.curve_names), field=field)
        if not self._next_frame <= batch.first_frame <= MAX_FRAME:
            raise BadRequestError(f"{field}.first_frame", batch.first_frame, f"{self._next_frame} or later")
        self._next_frame = batch.first_frame + len(weights)
        return FramesPart(batch.first_frame, weights, self._header.frame_rate_hertz)

    def emotions(self, frames: FramesPart) -> Iterator[EmotionPart]:
        """Yield the emotions that come with frames, where they change."""
        if self._emotion_columns is None:
            return
        emotions = np.clip(frames.weights[:, self._emotion_columns], 0, 1)  # (n, 7)
        for row in changes(emotions, self._latest_emotions):
            self._latest_emotions = emotions[row]
            yield EmotionPart(frames.first + row, frames.rate, self._latest_emotions, explicit=False)


def emotion_part(key: media_pb2.EmotionKey, field: str) -> EmotionPart:
    """Return the emotions of a key, which hold from its sample on.

    Raises:
        BadRequestError: A field is wrong.
    """
    if key.at_sample < 0:
        raise BadRequestError(f"{field}.at_sample", key.at_sample, "0 or more")
    return EmotionPart(key.at_sample, None, emotion_strengths(key.weights, f"{field}.weights"), explicit=True)
