"""The face stage of a turn: takes sound, yields face frames; one `Animate` stream, opened again if it breaks.

The voice never depends on the face: its failures are notices, never errors.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING, TypeAlias

import grpc

from neurosync.v1 import face_pb2, media_pb2
from neurosync.v1.orchestrator_pb2 import Stage
from services.common.errors import InactiveError
from services.common.types import FRAME_RATE
from services.orchestrator.stages.connections import HEAD_START_SECONDS, Connections, StageError
from services.orchestrator.stages.events import StageNotice
from services.orchestrator.stages.watchdog import Watchdog, read

if TYPE_CHECKING:
    Call = grpc.aio.StreamStreamCall[face_pb2.AnimateRequest, face_pb2.AnimateResponse]

AWAY_SECONDS = 0.3  # after the last sound, for a face that has failed; longer: the turn ends later, mostly for nothing
LAST_FRAMES_SECONDS = 3.0  # after the last sound, for the face to finish
CONTEXT_SECONDS = 0.8  # of sound before a new stream, at most 1; less: its first frames are worse

FaceEvent: TypeAlias = (
    media_pb2.FrameHeader | media_pb2.FrameBatch | media_pb2.EmotionKey | face_pb2.AnimateFinished | StageNotice
)


class FaceStage:
    """Sends the sound of a turn to the face and yields what comes back; `events` runs once."""

    def __init__(self, connections: Connections, rate: int) -> None:
        """Animate sound of `rate` Hz."""
        self._connections, self._rate = connections, rate
        self._recent: deque[media_pb2.AudioChunk] = deque()
        self._stream: _Stream | None = None
        self._has_failed = self._is_complete = False
        self._changed = asyncio.Event()

    def begin_sentence(self, at_sample: int) -> None:
        """Open a stream if there is none, to begin at the first frame from `at_sample` on."""
        if self._stream is not None:
            return
        frame_samples = self._rate // FRAME_RATE
        start = -(-at_sample // frame_samples) * frame_samples
        first = self._recent[0].first_sample if self._recent else start
        config = face_pb2.AnimateConfig(
            format=media_pb2.AudioFormat(sample_rate_hertz=self._rate), start_sample=start, first_audio_sample=first
        )
        self._stream = _Stream(config, self._rate, Watchdog(self._connections, Stage.STAGE_FACE))
        for chunk in self._recent:
            self._stream.push(chunk)
        self._changed.set()

    def push(self, chunk: media_pb2.AudioChunk) -> None:
        """Send sound."""
        self._recent.append(chunk)
        while chunk.first_sample - self._recent[0].first_sample > CONTEXT_SECONDS * self._rate:
            self._recent.popleft()
        if self._stream is not None:
            self._stream.push(chunk)

    def end_sentence(self) -> None:
        """Request the frames of the sound so far, however far the model looks ahead: a pause follows."""
        if self._stream is not None:
            self._stream.flush()

    def end(self) -> None:
        """Note that the sound is complete; `events` ends after the last frame, or after a bounded time."""
        self._is_complete = True
        if self._stream is not None:
            self._stream.push(None)
        self._changed.set()

    async def events(self) -> AsyncGenerator[FaceEvent, None]:
        """Yield what the face makes of the sound."""
        while (stream := await self._next_stream()) is not None:
            try:
                async with contextlib.aclosing(self._animate(stream)) as events:
                    async for event in events:
                        yield event
            except (grpc.aio.AioRpcError, InactiveError, TimeoutError) as error:
                self._has_failed = True
                yield StageNotice(self._connections.failure(Stage.STAGE_FACE, error))
            self._stream = None

    async def _next_stream(self) -> _Stream | None:
        """Wait for the stream that the next sentence opens; None after the last one."""
        while self._stream is None and not self._is_complete:
            self._changed.clear()
            await self._changed.wait()
        return self._stream

    async def _animate(self, stream: _Stream) -> AsyncGenerator[FaceEvent, None]:
        """Run one stream to its end. A face that has failed is waited for, also amid a sentence."""
        await asyncio.sleep(HEAD_START_SECONDS)
        if not self._has_failed:
            await self._connections.is_connected(Stage.STAGE_FACE)  # at once, but for a face that has just come back
        call = self._connections.face.Animate(
            metadata=self._connections.metadata, wait_for_ready=self._has_failed or None
        )
        sending = asyncio.create_task(stream.send(call), name="send to the face")
        limit = asyncio.create_task(self._give_up(stream, call), name="limit the last frames")
        try:
            reading = read(call, stream.watchdog)
            async with contextlib.aclosing(reading) as answers:
                async for answer in answers:
                    if (event := stream.event(answer)) is not None:
                        yield event
        except InactiveError:
            if limit.done() and self._has_failed:
                return  # it was reported when it failed
            raise
        finally:
            sending.cancel()
            limit.cancel()

    async def _give_up(self, stream: _Stream, call: Call) -> None:
        """Cancel the call when the face has not finished for too long after the last sound."""
        while not self._is_complete:
            self._changed.clear()
            await self._changed.wait()
        is_away = self._has_failed and not stream.opened
        await asyncio.sleep(AWAY_SECONDS if is_away else LAST_FRAMES_SECONDS)
        call.cancel()


class _Stream:
    """One `Animate` call: what is still to be sent, and whether frames are expected."""

    def __init__(self, config: face_pb2.AnimateConfig, rate: int, watchdog: Watchdog) -> None:
        self._config, self._rate = config, rate
        self._inbox: asyncio.Queue[face_pb2.AnimateRequest | None] = asyncio.Queue()  # bounded by the voice
        self._sent_sample = config.start_sample
        self._framed_sample = config.start_sample
        self._look_ahead_sample_count = 0
        self.opened = False
        self.watchdog = watchdog

    def push(self, chunk: media_pb2.AudioChunk | None) -> None:
        """Queue sound; None ends it."""
        self._inbox.put_nowait(None if chunk is None else face_pb2.AnimateRequest(audio=chunk))

    def flush(self) -> None:
        """Queue a flush."""
        self._inbox.put_nowait(face_pb2.AnimateRequest(flush=face_pb2.AnimateFlush()))

    async def send(self, call: Call) -> None:
        """Write the config and the sound; a broken call is reported by the side that reads."""
        try:
            await call.write(face_pb2.AnimateRequest(config=self._config))
            while (request := await self._inbox.get()) is not None:
                await call.write(request)
                if request.HasField("audio"):
                    self._sent_sample = request.audio.first_sample + len(request.audio.pcm) // 2
                    self._expect_frames()
            await call.write(face_pb2.AnimateRequest(end=face_pb2.AnimateEnd()))
            await call.done_writing()
        except (grpc.aio.AioRpcError, asyncio.InvalidStateError):
            return

    def event(self, answer: face_pb2.AnimateResponse | StageError) -> FaceEvent | None:
        """Return what an answer holds, after noting up to where frames came."""
        if isinstance(answer, StageError):
            return StageNotice(answer)
        match answer.WhichOneof("event"):
            case "header":
                self.opened = True
                self._look_ahead_sample_count = answer.header.look_ahead_sample_count
                return answer.header.frames
            case "frames":
                frames = answer.frames
                self._framed_sample = (frames.first_frame + frames.frame_count) * self._rate // FRAME_RATE
                self._expect_frames()
                return frames
            case "emotion":
                return answer.emotion
            case "finished":
                return answer.finished
        return None

    def _expect_frames(self) -> None:
        """Expect frames while the face holds more sound than its look-ahead explains."""
        frame_samples = self._rate // FRAME_RATE
        if self._sent_sample - self._look_ahead_sample_count - self._framed_sample > 2 * frame_samples:
            self.watchdog.expect()
