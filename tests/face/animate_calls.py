"""Requests to FaceService, their responses as arrays, and the sound that the tests send."""

from __future__ import annotations

from collections.abc import AsyncIterable, Iterable
from typing import TYPE_CHECKING

import grpc
import numpy as np
import pytest

from neurosync.v1 import face_pb2, face_pb2_grpc, media_pb2
from services.common.types import Pcm, Weights
from services.common.wire import duration

if TYPE_CHECKING:
    Stub = face_pb2_grpc.FaceServiceAsyncStub

RATE = 24_000
Request = face_pb2.AnimateRequest
Answers = list[face_pb2.AnimateResponse]


def syllables(seconds: float, rate: int = RATE) -> Pcm:
    """Return a buzz through a vowel's resonances, four times a second."""
    t = np.arange(round(seconds * rate)) / rate
    buzz = sum(np.sin(2 * np.pi * 120 * n * t) * np.exp(-(((120 * n - 750) / 500) ** 2)) for n in range(1, 25))
    return np.asarray(9000 * buzz * np.sin(2 * np.pi * 2 * t) ** 2, np.int16)


def config(
    rate: int = RATE, model: str = "", start: int = 0, first: int = 0, style: face_pb2.FaceStyle | None = None
) -> Request:
    return Request(
        config=face_pb2.AnimateConfig(
            format=media_pb2.AudioFormat(sample_rate_hertz=rate),
            model=model,
            start_sample=start,
            first_audio_sample=first,
            style=style,
        )
    )


def audio(pcm: Pcm, first: int = 0) -> Request:
    return Request(audio=media_pb2.AudioChunk(first_sample=first, pcm=pcm.astype("<i2").tobytes()))


def chunks(pcm: Pcm, first: int = 0, size: int = 1200) -> list[Request]:
    return [audio(pcm[at : at + size], first + at) for at in range(0, len(pcm), size)]


FLUSH = Request(flush=face_pb2.AnimateFlush())
END = Request(end=face_pb2.AnimateEnd())


def frames_of(answers: Iterable[face_pb2.AnimateResponse | face_pb2.AnimateClipResponse], first: int = 0) -> Weights:
    """Return the frames of the answers; they must follow each other from `first`."""
    batches = [answer.frames for answer in answers if answer.WhichOneof("event") == "frames"]
    frames = [np.array(batch.weights, np.float32).reshape(batch.frame_count, 61) for batch in batches]
    starts = first + np.cumsum([0, *map(len, frames)])[:-1]
    assert [batch.first_frame for batch in batches] == list(starts[: len(batches)])
    return np.concatenate([np.zeros((0, 61), np.float32), *frames])


async def talk(stub: Stub, *requests: Request) -> Answers:
    return [answer async for answer in stub.Animate(iter(requests), timeout=20)]


async def next_of(call: grpc.aio.StreamStreamCall[Request, face_pb2.AnimateResponse]) -> face_pb2.AnimateResponse:
    """Read one answer."""
    answer = await call.read()
    assert isinstance(answer, face_pb2.AnimateResponse)
    return answer


async def rest_of(call: grpc.aio.StreamStreamCall[Request, face_pb2.AnimateResponse]) -> Answers:
    """Read a call whose answers are read one by one to its end."""
    answers: Answers = []
    while isinstance(answer := await call.read(), face_pb2.AnimateResponse):
        answers.append(answer)
    return answers


async def refusal(call: AsyncIterable[object]) -> grpc.aio.AioRpcError:
    """Return the error that a call ends with."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        async for _ in call:
            pass
    return caught.value


def styled(**values: float) -> face_pb2.FaceStyle:
    smoothing = duration(values.pop("smoothing")) if "smoothing" in values else None
    return face_pb2.FaceStyle(smoothing=smoothing, **values)
