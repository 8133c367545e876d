"""Calls the face service for a sound, whole or as a stream, and collects its frames in ARKit order."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import grpc
import numpy as np

from neurosync.v1 import face_pb2, face_pb2_grpc, media_pb2
from services.cli.client.connection import Connection
from services.common.errors import UnavailableError
from services.common.types import FRAME_RATES, Weights
from services.common.wire import audio_chunk, emotion_strengths, seconds_of, weights_of, within
from services.media.curves import in_arkit_order
from services.media.emotions import EMOTION_COUNT
from services.media.frames import Frames
from services.media.sound import Sound

CHUNK_SECONDS = 0.1  # of sound in a message; longer: fewer messages, coarser progress
SILENT_SECONDS = 30.0  # of a face service that is then given up; it answers within a second of sound

Event = face_pb2.AnimateResponse | face_pb2.AnimateClipResponse
Progress = Callable[[float], None]
"""Called with the seconds that are animated so far."""


class CollectedFrames:
    """What the face service made, collected event by event."""

    def __init__(self) -> None:
        self.model = ""
        self.compute = 0.0
        """Seconds spent in the model."""
        self._names: tuple[str, ...] = ()
        self._rate = 60
        self._sample_count = self._frame_count = 0
        self._batches: list[Weights] = []
        self._keys: list[media_pb2.EmotionKey] = []

    @property
    def seconds(self) -> float:
        """How much is animated."""
        return self._frame_count / self._rate

    def add(self, event: Event) -> bool:
        """Take one event; return True if it is the last.

        Raises:
            BadRequestError: Frames are not whole or not finite.
            UnavailableError: The frame rate is out of range.
        """
        match event.WhichOneof("event"):
            case "header":
                header = event.header.frames
                if not FRAME_RATES[0] <= header.frame_rate_hertz <= FRAME_RATES[1]:
                    raise UnavailableError(
                        f"the face service makes {header.frame_rate_hertz} frames a second, expected "
                        f"{FRAME_RATES[0]} to {FRAME_RATES[1]}"
                    )
                self.model, self._rate = header.source, header.frame_rate_hertz
                self._names = tuple(header.curve_names)
            case "frames":
                self._batches.append(weights_of(event.frames, len(self._names)))
                self._frame_count += event.frames.frame_count
            case "emotion":
                self._keys.append(event.emotion)
            case "finished":
                self.compute = seconds_of(event.finished.compute)
                self._sample_count = event.finished.sample_count
                return True
        return False

    def frames(self) -> Frames:
        """Return all frames; curves that the model does not have stay at rest."""
        made = np.concatenate(self._batches) if self._batches else np.zeros((0, len(self._names)), np.float32)
        return Frames(in_arkit_order(made, self._names), self._emotions(len(made)), self._rate)

    def _emotions(self, count: int) -> Weights | None:
        """Return the emotions of each frame, shape (count, 7), 0 to 1; None if the model sends none."""
        if not self._keys:
            return None
        made = np.zeros((count, EMOTION_COUNT), np.float32)
        frames_per_sample = count / max(1, self._sample_count)  # only the service has the rate of a file
        for key in self._keys:
            made[round(key.at_sample * frames_per_sample) :] = emotion_strengths(key.weights, "emotion.weights")
        return made


async def animate_clip(
    connection: Connection,
    data: bytes,
    model: str,
    progress: Progress,
    *,
    style: face_pb2.FaceStyle | None = None,
) -> CollectedFrames:
    """Animate a small file; the service decodes it.

    Raises:
        UnavailableError: The service ended the stream early.
        InactiveError: It was silent for too long.
    """
    stub: face_pb2_grpc.FaceServiceAsyncStub = face_pb2_grpc.FaceServiceStub(connection.channel)
    request = face_pb2.AnimateClipRequest(file=data, model=model, style=style)
    call = stub.AnimateClip(request, metadata=connection.metadata)
    try:
        return await _collect(aiter(call), progress)
    finally:
        call.cancel()


async def animate_stream(
    connection: Connection,
    sound: Sound,
    model: str,
    progress: Progress,
    *,
    style: face_pb2.FaceStyle | None = None,
) -> CollectedFrames:
    """Animate sound of any length.

    Raises:
        UnavailableError: The service ended the stream early.
        InactiveError: It was silent for too long.
    """
    stub: face_pb2_grpc.FaceServiceAsyncStub = face_pb2_grpc.FaceServiceStub(connection.channel)
    call = stub.Animate(metadata=connection.metadata)
    sound_format = media_pb2.AudioFormat(sample_rate_hertz=sound.sample_rate)
    config = face_pb2.AnimateConfig(format=sound_format, model=model, style=style)
    sending = asyncio.create_task(_send(call, config, sound), name="send sound to the face")
    try:
        return await _collect(aiter(call), progress)
    finally:
        sending.cancel()
        call.cancel()
        await asyncio.wait({sending})


async def _send(
    call: grpc.aio.StreamStreamCall[face_pb2.AnimateRequest, face_pb2.AnimateResponse],
    config: face_pb2.AnimateConfig,
    sound: Sound,
) -> None:
    """Send everything, as fast as it is taken; a broken call is reported by the side that reads."""
    step = round(CHUNK_SECONDS * sound.sample_rate)
    try:
        await call.write(face_pb2.AnimateRequest(config=config))
        for start in range(0, len(sound.pcm), step):
            await call.write(face_pb2.AnimateRequest(audio=audio_chunk(start, sound.pcm[start : start + step])))
        await call.write(face_pb2.AnimateRequest(end=face_pb2.AnimateEnd()))
        await call.done_writing()
    except (grpc.aio.AioRpcError, asyncio.InvalidStateError):
        return


async def _collect(call: AsyncIterator[Event], progress: Progress) -> CollectedFrames:
    collected = CollectedFrames()
    async for event in within(call, SILENT_SECONDS, "the face service"):
        if collected.add(event):
            return collected
        progress(collected.seconds)
    raise UnavailableError("the face service ended the stream before its last frame")
