"""The face's side of a turn: one `Animate` stream, opened again at the next sentence if it breaks."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Coroutine
from typing import Any, Protocol

import grpc

from neurosync.v1 import face_pb2, media_pb2
from neurosync.v1.orchestrator_pb2 import Stage
from services.common.types import FRAME_RATE
from services.orchestrator.connections import HEAD_START_SECONDS, StageError, Stages
from services.orchestrator.watchdog import Patience

AWAY_SECONDS = 0.3  # that the end waits for a face that has failed; longer: the turn ends later, mostly for nothing
CONTEXT_SECONDS = 0.8  # of sound before a new stream, at most 1; less: its first frames are worse


class Listener(Protocol):
    """Who takes what the face makes."""

    def on_frame_header(self, header: media_pb2.FrameHeader) -> None:
        """Take the names of the curves; comes again after a failure."""

    def on_frames(self, frames: media_pb2.FrameBatch) -> None:
        """Take frames."""

    def on_emotion(self, key: media_pb2.EmotionKey) -> None:
        """Take what the face heard in the voice."""

    def on_face_finished(self, finished: face_pb2.AnimateFinished) -> None:
        """Hear how long the face took."""

    def on_face_failure(self, failure: StageError) -> None:
        """Hear that the face is gone until the next sentence."""

    def on_slow(self, slow: StageError) -> None:
        """Hear that the face takes its time."""

    def spawn(self, work: Coroutine[Any, Any, None], *, name: str) -> asyncio.Task[None]:
        """Start a task that belongs to the turn."""


class Animation:
    """Sends the sound of a turn to the face; the turn goes on without a face if it must."""

    def __init__(self, stages: Stages, rate: int, listener: Listener) -> None:
        """Animate sound of `rate` Hz for `listener`, which outlives this."""
        self._stages, self._rate, self._listener = stages, rate, listener
        self._recent: deque[media_pb2.AudioChunk] = deque()
        self._stream: _Stream | None = None
        self._task: asyncio.Task[None] | None = None
        self._has_failed = False

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
        self._stream = _Stream(config, self._rate, Patience(self._stages, Stage.STAGE_FACE, self._on_slow))
        for chunk in self._recent:
            self._stream.push(chunk)
        self._task = self._listener.spawn(self._run(self._stream), name="animate")

    def push(self, chunk: media_pb2.AudioChunk) -> None:
        """Send sound."""
        self._recent.append(chunk)
        while chunk.first_sample - self._recent[0].first_sample > CONTEXT_SECONDS * self._rate:
            self._recent.popleft()
        if self._stream is not None:
            self._stream.push(chunk)

    def end_sentence(self) -> None:
        """Have the frames of the sound so far made at once, however far the face looks ahead: a pause follows."""
        if self._stream is not None:
            self._stream.flush()

    async def end(self) -> None:
        """Tell the face that the sound is complete, and wait for its last frame, or for its failure."""
        if self._stream is not None and self._task is not None:
            self._stream.push(None)
            is_away = self._has_failed and not self._stream.opened
            await asyncio.wait({self._task}, timeout=AWAY_SECONDS if is_away else None)

    async def _run(self, stream: _Stream) -> None:
        """Run one stream to its end; a failure is told, not raised: the voice never depends on the face.

        A face that has failed is waited for: when it is back, the mouth moves again, also amid a sentence.
        """
        await asyncio.sleep(HEAD_START_SECONDS)
        if not self._has_failed:
            await self._stages.reconnected(Stage.STAGE_FACE)  # returns at once, but for a face that has just come back
        call = self._stages.face.Animate(metadata=self._stages.metadata, wait_for_ready=self._has_failed or None)
        helpers = [
            asyncio.create_task(stream.send(call), name="send to the face"),
            asyncio.create_task(stream.patience.watch(call), name="watch the face"),
        ]
        try:
            async for event in call:
                self._take(event, stream)
        except grpc.aio.AioRpcError as error:
            self._fail(error)
        except asyncio.CancelledError:
            if not stream.patience.gave_up():
                raise
            self._fail(TimeoutError())
        finally:
            for helper in helpers:
                helper.cancel()
            call.cancel()
            self._stream = self._task = None

    def _take(self, event: face_pb2.AnimateResponse, stream: _Stream) -> None:
        match event.WhichOneof("event"):
            case "header":
                stream.opened = True
                stream.look_ahead_sample_count = event.header.look_ahead_sample_count
                self._listener.on_frame_header(event.header.frames)
            case "frames":
                stream.note_frames(event.frames)
                self._listener.on_frames(event.frames)
            case "emotion":
                self._listener.on_emotion(event.emotion)
            case "finished":
                self._listener.on_face_finished(event.finished)

    def _on_slow(self, slow: StageError) -> None:
        self._listener.on_slow(slow)

    def _fail(self, error: grpc.aio.AioRpcError | TimeoutError) -> None:
        self._has_failed = True
        self._listener.on_face_failure(self._stages.failure(Stage.STAGE_FACE, error))


class _Stream:
    """One `Animate` call: what is still to be sent, and whether frames are owed."""

    def __init__(self, config: face_pb2.AnimateConfig, rate: int, patience: Patience) -> None:
        self._config, self._rate = config, rate
        self._inbox: asyncio.Queue[face_pb2.AnimateRequest | None] = asyncio.Queue()  # bounded by the voice
        self._sent_sample = config.start_sample
        self._framed_sample = config.start_sample
        self.look_ahead_sample_count = 0
        self.opened = False
        self.patience = patience

    def push(self, chunk: media_pb2.AudioChunk | None) -> None:
        """Queue sound; None ends it."""
        self._inbox.put_nowait(None if chunk is None else face_pb2.AnimateRequest(audio=chunk))

    def flush(self) -> None:
        """Queue a flush."""
        self._inbox.put_nowait(face_pb2.AnimateRequest(flush=face_pb2.AnimateFlush()))

    async def send(self, call: grpc.aio.StreamStreamCall[face_pb2.AnimateRequest, face_pb2.AnimateResponse]) -> None:
        """Write the config and the sound; a broken call is reported by the side that reads."""
        try:
            await call.write(face_pb2.AnimateRequest(config=self._config))
            while (request := await self._inbox.get()) is not None:
                await call.write(request)
                if request.HasField("audio"):
                    self._sent_sample = request.audio.first_sample + len(request.audio.pcm) // 2
                    self._note_debt()
            await call.write(face_pb2.AnimateRequest(end=face_pb2.AnimateEnd()))
            await call.done_writing()
        except (grpc.aio.AioRpcError, asyncio.InvalidStateError):
            return

    def note_frames(self, frames: media_pb2.FrameBatch) -> None:
        """Remember up to where frames came."""
        self._framed_sample = (frames.first_frame + frames.frame_count) * self._rate // FRAME_RATE
        self.patience.settle()
        self._note_debt()

    def _note_debt(self) -> None:
        frame_samples = self._rate // FRAME_RATE
        if self._sent_sample - self.look_ahead_sample_count - self._framed_sample > 2 * frame_samples:
            self.patience.owe()
