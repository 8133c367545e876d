"""FaceService: sound from a client in, face frames back; the models and their threads stay behind it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import time
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any

import grpc
import numpy as np

from neurosync.v1 import face_pb2, face_pb2_grpc, media_pb2
from services.common.errors import BadRequestError, BusyError, InactiveError
from services.common.types import Weights
from services.common.wire import check_sample_rate, duration, frame_batch, pcm_of, within
from services.face import sound_clip as clips
from services.face.animate_request import check_emotion, check_name, style_of
from services.face.animation_stream import Animation
from services.face.capacity import measured
from services.face.deferred_work import Work, done_in
from services.face.face_model import AnimatesClips, FaceModel, SharesDevice
from services.face.registry import load_model
from services.face.settings import FaceSettings
from services.face.style import Style
from services.media.curves import CURVE_NAMES

if TYPE_CHECKING:
    Context = grpc.aio.ServicerContext[object, object]

logger = logging.getLogger(__name__)

BATCH_FRAMES = 300
"""Frames a message at most (73 kB). Larger: a slow client waits longer for the first; smaller: more messages."""


QUICK_SECONDS = 0.15
"""Of sound that a model without a device animates on the spot: 0.5 ms, where a thread costs as much again. Larger: one
stream's chunk holds up all others for longer; smaller: fewer streams."""


class FaceService(face_pb2_grpc.FaceServiceServicer):
    """Serves the face models."""

    name = "neurosync.v1.FaceService"

    def __init__(self, settings: FaceSettings) -> None:
        """Remember the settings; models are loaded by `warm_up` or the first call."""
        self._settings = settings
        self._style = Style(settings.strength, settings.smoothing, settings.closure)
        self._model: FaceModel | None = None
        self._loading = asyncio.Lock()
        self._active = self._capacity = 0
        cores = os.cpu_count() or 1
        self._streams = ThreadPoolExecutor(max(2, cores), "face streams")
        self._clips = ThreadPoolExecutor(max(1, cores // 2), "face clips")  # their own: each step takes long

    def register(self, server: grpc.aio.Server) -> None:
        """Add the handlers to a server."""
        face_pb2_grpc.add_FaceServiceServicer_to_server(self, server)  # type: ignore[no-untyped-call,unused-ignore]

    async def warm_up(self) -> None:
        """Load the model, run it, and measure how many streams it can keep."""
        await self._load()

    async def close(self) -> None:
        """Drop the model."""
        model, self._model = self._model, None
        if model is not None:
            await asyncio.to_thread(model.close)
        for pool in (self._streams, self._clips):
            pool.shutdown(wait=False, cancel_futures=True)

    async def Animate(  # noqa: N802 - the name is the contract's
        self, requests: AsyncIterator[face_pb2.AnimateRequest], _context: Context
    ) -> AsyncIterator[face_pb2.AnimateResponse]:
        """Animate sound as it comes."""
        messages = within(requests, self._settings.inactivity, "Animate")
        async with contextlib.aclosing(messages):  # type: ignore[type-var,unused-ignore]
            first = await anext(messages, None)
            if first is None or first.WhichOneof("part") != "config":
                raise BadRequestError("part", first and first.WhichOneof("part"), "config in the first message")
            model = await self._load()
            with self._place():
                config = first.config
                rate = check_sample_rate("config.format.sample_rate_hertz", config.format.sample_rate_hertz)
                check_name("config.model", config.model, model.description.name)
                style = style_of(config.style, self._style, "config.style")
                animation = Animation(model, rate, style, config.start_sample, config.first_audio_sample)
                yield face_pb2.AnimateResponse(header=_header(model, animation))
                heard = time.monotonic()
                async for message in messages:
                    steps = _steps(message, animation)
                    is_quick = animation.is_quick and len(message.audio.pcm) <= 2 * QUICK_SECONDS * rate
                    for step in steps:
                        for event in _events(await done_in(None if is_quick else self._streams, step()), animation):
                            yield face_pb2.AnimateResponse(**event)
                    if message.HasField("end"):
                        break
                    if steps:
                        heard = time.monotonic()
                    elif time.monotonic() - heard > self._settings.inactivity:
                        raise InactiveError(f"no sound for {self._settings.inactivity:g} s")
                for event in _events(await done_in(self._streams, animation.end()), animation):
                    yield face_pb2.AnimateResponse(**event)
                yield face_pb2.AnimateResponse(finished=_finished(animation))
        logger.info("stream animated frames=%d compute=%.3f", animation.frame_count, animation.compute)

    async def AnimateClip(  # noqa: N802 - the name is the contract's
        self, request: face_pb2.AnimateClipRequest, _context: Context
    ) -> AsyncIterator[face_pb2.AnimateClipResponse]:
        """Animate one recording."""
        model = await self._load()
        with self._place():
            check_name("model", request.model, model.description.name)
            style = style_of(request.style, self._style, "style")
            loop = asyncio.get_running_loop()
            clip = await loop.run_in_executor(self._clips, self._open, request)
            animation = Animation(model, clip.rate, style)
            yield face_pb2.AnimateClipResponse(header=_header(model, animation))
            parts = _parts(model, animation, clip)
            while (part := await loop.run_in_executor(self._clips, next, parts, None)) is not None:
                for event in _events(await done_in(self._clips, part), animation):
                    yield face_pb2.AnimateClipResponse(**event)
            yield face_pb2.AnimateClipResponse(finished=_finished(animation))
        logger.info("clip animated frames=%d compute=%.3f", animation.frame_count, animation.compute)

    async def DescribeModels(  # noqa: N802 - the name is the contract's
        self, _request: face_pb2.DescribeModelsRequest, _context: Context
    ) -> face_pb2.DescribeModelsResponse:
        """Describe the models and the load."""
        loaded = await self._load()
        told = loaded.description
        model = face_pb2.FaceModelDescription(
            model=told.name,
            curve_names=CURVE_NAMES,
            animated_curve_names=told.animated_curves,
            frame_rate_hertz=told.frame_rate,
            sample_rate_hertz=told.sample_rate,
            look_ahead_sample_count=told.look_ahead,
            emotion_source=face_pb2.EMOTION_SOURCE_SOUND if told.hears_emotions else face_pb2.EMOTION_SOURCE_NONE,
            engine=told.engine,
        )
        return face_pb2.DescribeModelsResponse(
            models=[model],
            capacity_stream_count=self._capacity,
            active_stream_count=self._active,
            waiting_window_count=loaded.waiting if isinstance(loaded, SharesDevice) else 0,
        )

    @contextlib.contextmanager
    def _place(self) -> Iterator[None]:
        """Hold one of the places.

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
        """Return the model; the first call loads it, and measures how many streams it can keep unless that is set."""
        async with self._loading:
            if self._model is None:
                model = await asyncio.to_thread(load_model, self._settings)
                most = self._settings.max_open_calls
                told = self._settings.capacity
                self._capacity = await asyncio.to_thread(measured, model, most) if told is None else told
                logger.info("model loaded engine=%s capacity=%d", model.description.engine, self._capacity)
                self._model = model
            return self._model

    def _open(self, request: face_pb2.AnimateClipRequest) -> clips.Clip:
        """Return the clip of a request."""
        which = request.WhichOneof("clip")
        if which == "file":
            opened = clips.of_file(request.file, self._settings.longest_clip)
            check_sample_rate("file", opened.rate)
            return opened
        if which == "pcm":
            rate = check_sample_rate("format.sample_rate_hertz", request.format.sample_rate_hertz)
            return clips.of_pcm(request.pcm, rate)
        raise BadRequestError("clip", None, "file or pcm")


def _steps(message: face_pb2.AnimateRequest, animation: Animation) -> list[Callable[[], Work[Weights]]]:
    """Return the work that one message of the client asks for, in steps short enough to be cancelled between.

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
            check_emotion(message.emotion)  # this model hears sound only; the key is for models that can use it
            return []
        case "end":
            return []
        case other:
            raise BadRequestError("part", other, "audio, emotion, flush or end after the config")


def _header(model: FaceModel, animation: Animation) -> face_pb2.AnimateHeader:
    told = model.description
    frames = media_pb2.FrameHeader(curve_names=CURVE_NAMES, frame_rate_hertz=told.frame_rate, source=told.name)
    return face_pb2.AnimateHeader(frames=frames, look_ahead_sample_count=animation.look_ahead)


def _finished(animation: Animation) -> face_pb2.AnimateFinished:
    return face_pb2.AnimateFinished(
        frame_count=animation.frame_count, sample_count=animation.sample_count, compute=duration(animation.compute)
    )


def _parts(model: FaceModel, animation: Animation, clip: clips.Clip) -> Iterator[Work[Weights]]:
    """Yield the work of a clip in parts, short enough for a call to be cancelled in between."""
    if isinstance(model, AnimatesClips):
        yield from animation.whole(model, np.concatenate([np.zeros(0, np.int16), *clip.blocks]))
        return
    for pcm in clip.blocks:
        yield animation.push(pcm)
    yield animation.end()


def _events(frames: Weights, animation: Animation) -> Iterator[dict[str, Any]]:
    """Yield what to tell of frames that the animation has just given, by the names of the answers' fields."""
    first = animation.next_frame - len(frames)
    for start in range(0, len(frames), BATCH_FRAMES):
        yield {"frames": frame_batch(first + start, frames[start : start + BATCH_FRAMES])}
    for sample, reading in animation.emotions():
        strengths = zip(media_pb2.Emotion.values()[1:], reading.weights, strict=True)  # in the same order
        heard = [media_pb2.EmotionWeight(emotion=emotion, weight=weight) for emotion, weight in strengths if weight]
        yield {"emotion": media_pb2.EmotionKey(at_sample=sample, weights=heard)}
