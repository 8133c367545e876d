"""FaceService: the gRPC handlers that animate audio streams and clips with the loaded face model."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any

import grpc
import numpy as np

from neurosync.v1 import face_pb2, face_pb2_grpc, media_pb2
from services.common.errors import BadRequestError, BusyError, InactiveError
from services.common.types import Weights
from services.common.wire import check_sample_rate, duration, emotion_weights, frame_batch, pcm_of, within
from services.face.animate_request import check_emotion, check_model_name, style_of
from services.face.animation_stream import AnimationStream
from services.face.capacity import measure_capacity
from services.face.deferred_work import Work, run_work_in
from services.face.face_model import ClipModel, FaceModel, SharedDeviceModel
from services.face.registry import load_model
from services.face.settings import FaceSettings
from services.face.sound_clip import Clip, clip_from_file, clip_from_pcm
from services.face.style import Style
from services.media.curves import CURVE_NAMES

if TYPE_CHECKING:
    Context = grpc.aio.ServicerContext[object, object]

logger = logging.getLogger(__name__)

BATCH_FRAMES = 300
"""Frames a message at most (73 kB). Larger: a slow client waits longer for the first; smaller: more messages."""
INLINE_SECONDS = 0.15
"""Audio that a model without a shared device animates on the event loop: it takes 0.5 ms, and handing it to a thread
takes as much again. Larger: one stream's chunk delays all others for longer; smaller: fewer streams."""


class FaceService(face_pb2_grpc.FaceServiceServicer):
    """Serves one face model."""

    name = "neurosync.v1.FaceService"

    def __init__(self, settings: FaceSettings) -> None:
        """Keep the settings; the model is loaded by `warm_up` or the first call."""
        self._settings = settings
        self._style = Style(settings.strength, settings.smoothing, settings.closure)
        self._model: FaceModel | None = None
        self._loading = asyncio.Lock()
        self._active = self._capacity = 0
        cores = os.cpu_count() or 1
        self._stream_threads = ThreadPoolExecutor(max(2, cores), "face streams")
        self._clip_threads = ThreadPoolExecutor(max(1, cores // 2), "face clips")  # separate: each step takes long

    def register(self, server: grpc.aio.Server) -> None:
        """Add the handlers to a server."""
        face_pb2_grpc.add_FaceServiceServicer_to_server(self, server)  # type: ignore[no-untyped-call,unused-ignore]

    async def warm_up(self) -> None:
        """Load the model, run it, and measure how many streams it can keep."""
        await self._load()

    async def close(self) -> None:
        """Release the model and end the threads."""
        model, self._model = self._model, None
        if model is not None:
            await asyncio.to_thread(model.close)
        for pool in (self._stream_threads, self._clip_threads):
            pool.shutdown(wait=False, cancel_futures=True)

    async def Animate(  # noqa: N802 - the name is the contract's
        self, requests: AsyncIterator[face_pb2.AnimateRequest], _context: Context
    ) -> AsyncIterator[face_pb2.AnimateResponse]:
        """Animate audio while it arrives."""
        messages = within(requests, self._settings.inactivity, "Animate")
        async with contextlib.aclosing(messages):  # type: ignore[type-var,unused-ignore]
            first = await anext(messages, None)
            if first is None or first.WhichOneof("part") != "config":
                raise BadRequestError("part", first and first.WhichOneof("part"), "config in the first message")
            model = await self._load()
            with self._place():
                animation = self._open_stream(model, first.config)
                yield face_pb2.AnimateResponse(header=_header(model, animation))
                async with contextlib.aclosing(self._animated(messages, animation, first.config)) as answers:
                    async for answer in answers:
                        yield answer
                yield face_pb2.AnimateResponse(finished=_finished(animation))
        logger.info("stream animated frames=%d compute=%.3f", animation.frame_count, animation.compute)

    def _open_stream(self, model: FaceModel, config: face_pb2.AnimateConfig) -> AnimationStream:
        """Return the stream that a config describes.

        Raises:
            BadRequestError: A field is wrong.
        """
        rate = check_sample_rate("config.format.sample_rate_hertz", config.format.sample_rate_hertz)
        check_model_name("config.model", config.model, model.description.name)
        style = style_of(config.style, self._style, "config.style")
        return AnimationStream(model, rate, style, config.start_sample, config.first_audio_sample)

    async def _animated(
        self,
        messages: AsyncIterator[face_pb2.AnimateRequest],
        animation: AnimationStream,
        config: face_pb2.AnimateConfig,
    ) -> AsyncGenerator[face_pb2.AnimateResponse, None]:
        """Yield the frames and emotions of all audio in `messages`.

        Raises:
            BadRequestError: A field is wrong.
            InactiveError: Messages came, but no audio for as long as the settings allow.
        """
        inline_bytes = 2 * INLINE_SECONDS * config.format.sample_rate_hertz
        last_audio = time.monotonic()
        async for message in messages:
            steps = _steps(message, animation)
            is_inline = animation.computes_at_once and len(message.audio.pcm) <= inline_bytes
            for step in steps:
                frames = await run_work_in(None if is_inline else self._stream_threads, step())
                for event in _events(frames, animation):
                    yield face_pb2.AnimateResponse(**event)
            if message.HasField("end"):
                break
            if steps:
                last_audio = time.monotonic()
            elif time.monotonic() - last_audio > self._settings.inactivity:
                raise InactiveError(f"no sound for {self._settings.inactivity:g} s")
        for event in _events(await run_work_in(self._stream_threads, animation.end()), animation):
            yield face_pb2.AnimateResponse(**event)

    async def AnimateClip(  # noqa: N802 - the name is the contract's
        self, request: face_pb2.AnimateClipRequest, _context: Context
    ) -> AsyncIterator[face_pb2.AnimateClipResponse]:
        """Animate one recording."""
        model = await self._load()
        with self._place():
            check_model_name("model", request.model, model.description.name)
            style = style_of(request.style, self._style, "style")
            loop = asyncio.get_running_loop()
            clip = await loop.run_in_executor(self._clip_threads, self._open_clip, request)
            animation = AnimationStream(model, clip.rate, style)
            yield face_pb2.AnimateClipResponse(header=_header(model, animation))
            parts = _clip_parts(model, animation, clip)
            while (part := await loop.run_in_executor(self._clip_threads, next, parts, None)) is not None:
                for event in _events(await run_work_in(self._clip_threads, part), animation):
                    yield face_pb2.AnimateClipResponse(**event)
            yield face_pb2.AnimateClipResponse(finished=_finished(animation))
        logger.info("clip animated frames=%d compute=%.3f", animation.frame_count, animation.compute)

    async def DescribeModels(  # noqa: N802 - the name is the contract's
        self, _request: face_pb2.DescribeModelsRequest, _context: Context
    ) -> face_pb2.DescribeModelsResponse:
        """Describe the model and the load."""
        loaded = await self._load()
        description = loaded.description
        source = face_pb2.EMOTION_SOURCE_SOUND if description.estimates_emotions else face_pb2.EMOTION_SOURCE_NONE
        model = face_pb2.FaceModelDescription(
            model=description.name,
            curve_names=CURVE_NAMES,
            animated_curve_names=description.animated_curves,
            frame_rate_hertz=description.frame_rate,
            sample_rate_hertz=description.sample_rate,
            look_ahead_sample_count=description.look_ahead,
            emotion_source=source,
            engine=description.engine,
        )
        return face_pb2.DescribeModelsResponse(
            models=[model],
            capacity_stream_count=self._capacity,
            active_stream_count=self._active,
            waiting_window_count=loaded.waiting if isinstance(loaded, SharedDeviceModel) else 0,
        )

    @contextlib.contextmanager
    def _place(self) -> Iterator[None]:
        """Hold one of the places for streams and clips.

        Raises:
            BusyError: All are taken.
        """
        if self._active >= self._capacity:
            raise BusyError(
                f"all {self._capacity} streams that this face service keeps in real time are in use; "
                "try again later, or another replica"
            )
        self._active += 1
        try:
            yield
        finally:
            self._active -= 1

    async def _load(self) -> FaceModel:
        """Return the model. The first call loads it, and measures the capacity unless the settings give one."""
        async with self._loading:
            if self._model is None:
                model = await asyncio.to_thread(load_model, self._settings)
                capacity = self._settings.capacity
                if capacity is None:
                    capacity = await asyncio.to_thread(measure_capacity, model, self._settings.max_open_calls)
                self._capacity = capacity
                logger.info("model loaded engine=%s capacity=%d", model.description.engine, capacity)
                self._model = model
            return self._model

    def _open_clip(self, request: face_pb2.AnimateClipRequest) -> Clip:
        """Return the clip of a request."""
        which = request.WhichOneof("clip")
        if which == "file":
            clip = clip_from_file(request.file, self._settings.longest_clip)
            check_sample_rate("file", clip.rate)
            return clip
        if which == "pcm":
            rate = check_sample_rate("format.sample_rate_hertz", request.format.sample_rate_hertz)
            return clip_from_pcm(request.pcm, rate)
        raise BadRequestError("clip", None, "file or pcm")


def _steps(message: face_pb2.AnimateRequest, animation: AnimationStream) -> list[Callable[[], Work[Weights]]]:
    """Return the work that one message of the client requires, in steps short enough to be cancelled between.

    Raises:
        BadRequestError: A field is wrong.
    """
    match message.WhichOneof("part"):
        case "audio":
            pcm = pcm_of(message.audio, animation.next_sample)
            return [partial(animation.push, piece) for piece in animation.pieces(pcm)]
        case "flush":
            return [] if animation.is_flushed else [animation.flush]
        case "emotion":
            check_emotion(message.emotion)  # no model here uses it yet: both animate from audio alone
            return []
        case "end":
            return []
        case other:
            raise BadRequestError("part", other, "audio, emotion, flush or end after the config")


def _header(model: FaceModel, animation: AnimationStream) -> face_pb2.AnimateHeader:
    description = model.description
    frames = media_pb2.FrameHeader(
        curve_names=CURVE_NAMES, frame_rate_hertz=description.frame_rate, source=description.name
    )
    return face_pb2.AnimateHeader(frames=frames, look_ahead_sample_count=animation.look_ahead)


def _finished(animation: AnimationStream) -> face_pb2.AnimateFinished:
    return face_pb2.AnimateFinished(
        frame_count=animation.frame_count, sample_count=animation.sample_count, compute=duration(animation.compute)
    )


def _clip_parts(model: FaceModel, animation: AnimationStream, clip: Clip) -> Iterator[Work[Weights]]:
    """Yield the work of a clip in parts, short enough for a call to be cancelled in between."""
    if isinstance(model, ClipModel):
        yield from animation.animate_clip(model, np.concatenate([np.zeros(0, np.int16), *clip.blocks]))
        return
    for pcm in clip.blocks:
        yield animation.push(pcm)
    yield animation.end()


def _events(frames: Weights, animation: AnimationStream) -> Iterator[dict[str, Any]]:
    """Yield the fields of the answers for frames that the animation has just returned, and for their emotions."""
    first = animation.next_frame - len(frames)
    for start in range(0, len(frames), BATCH_FRAMES):
        yield {"frames": frame_batch(first + start, frames[start : start + BATCH_FRAMES])}
    for sample, estimate in animation.take_emotions():
        yield {"emotion": media_pb2.EmotionKey(at_sample=sample, weights=emotion_weights(estimate.weights))}
