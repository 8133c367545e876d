"""The checkpoint behind the interface of all face models, and behind the service."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from services.common.types import Pcm, Weights

pytest.importorskip("torch", reason="torch is not installed (extra: torch)")

import grpc
import soundfile

from neurosync.v1 import face_pb2, face_pb2_grpc, media_pb2
from services.common.errors import ConfigurationError
from services.common.settings import load
from services.face.deferred_work import run_work
from services.face.face_model import ClipModel, EstimatesEmotions, FaceModel
from services.face.neurosync.neurosync_model import NeuroSyncModel
from services.face.registry import load_model
from services.face.server import FaceService
from services.face.settings import FaceSettings
from services.media.curves import CURVE_NAMES, LOWEST
from services.serving.dialing import dial
from services.serving.server import running

if TYPE_CHECKING:
    Stub = face_pb2_grpc.FaceServiceAsyncStub

RATE = 24_000
Answer = face_pb2.AnimateResponse | face_pb2.AnimateClipResponse


@pytest.fixture(scope="module")
def model(data: Path) -> Iterator[NeuroSyncModel]:
    made = NeuroSyncModel(data / "small.safetensors", device="cpu", hop=12)
    yield made
    made.close()


@pytest.fixture(scope="module")
def speech(data: Path) -> Pcm:
    pcm: Pcm = soundfile.read(data / "speech_a.wav", dtype="int16")[0]
    return pcm


def test_the_model_is_a_face_model_that_estimates_emotions_and_animates_clips(model: NeuroSyncModel) -> None:
    as_model: FaceModel = model
    assert isinstance(model, ClipModel)
    assert isinstance(as_model.open(RATE), EstimatesEmotions)
    description = as_model.description
    assert (description.name, description.engine, description.sample_rate, description.frame_rate) == (
        "neurosync",
        "torch/CPU/fp32",
        88_200,
        60,
    )
    assert description.look_ahead == 24 * 1470
    assert description.estimates_emotions
    assert {"JawOpen", "EyeSquintLeft"} < set(description.animated_curves)
    assert not {"EyeBlinkLeft", "TongueOut", "HeadYaw"} & set(description.animated_curves)


def test_a_stream_gives_legal_frames_and_emotions_at_even_steps(model: NeuroSyncModel, speech: Pcm) -> None:
    stream = model.open(RATE)
    frames = np.concatenate([*(stream.push(piece) for piece in np.array_split(speech, 31)), stream.end()])
    assert frames.shape == (-(-len(speech) * 60 // RATE), 61)
    assert (frames >= LOWEST).all()
    assert (frames <= 1).all()
    estimates = stream.take_emotions()
    assert not stream.take_emotions()
    assert len(estimates) > 5
    assert all(estimate.frame % 6 == 0 and estimate.frame < len(frames) for estimate in estimates)
    assert all(0 <= weight <= 1 for estimate in estimates for weight in estimate.weights)


def test_a_whole_clip_is_the_published_one_within_the_legal_range(
    model: NeuroSyncModel, speech: Pcm, golden: Mapping[str, np.ndarray]
) -> None:
    wanted = golden["frames_speech_a"]
    parts = [run_work(part) for part in model.animate_clip((speech / 32768).astype(np.float32), RATE)]
    frames = np.concatenate([frames for frames, _ in parts])
    np.testing.assert_allclose(frames, np.clip(wanted[:, :61], LOWEST, 1), rtol=0, atol=1e-5)
    for estimate in (estimate for _, estimates in parts for estimate in estimates):
        emotions = np.clip(wanted[estimate.frame, 61:] / 100, 0, 1)
        np.testing.assert_allclose(estimate.weights, emotions, rtol=0, atol=1e-5)


@pytest.mark.parametrize(("samples", "frames"), [(0, 0), (1, 1), (1999, 5), (24_000, 60), (24_001, 61)])
def test_a_whole_clip_has_a_frame_for_every_sixtieth_of_a_second(
    model: NeuroSyncModel, samples: int, frames: int
) -> None:
    noise = np.random.default_rng(0).standard_normal(samples).astype(np.float32)
    assert sum(len(run_work(part)[0]) for part in model.animate_clip(noise, RATE)) == frames


@pytest.fixture
async def stub(data: Path) -> AsyncIterator[Stub]:
    settings = load(
        FaceSettings,
        listen="127.0.0.1:0",
        model="neurosync",
        checkpoint=data / "small.safetensors",
        device="cpu",
    )
    async with running(FaceService(settings), settings) as server, dial(server.address) as channel:
        await server.warm
        yield face_pb2_grpc.FaceServiceStub(channel)


def requests(pcm: Pcm, size: int, start: int = 0, first: int = 0) -> Iterator[face_pb2.AnimateRequest]:
    audio = media_pb2.AudioFormat(sample_rate_hertz=RATE)
    config = face_pb2.AnimateConfig(format=audio, start_sample=start, first_audio_sample=first)
    yield face_pb2.AnimateRequest(config=config)
    for at in range(0, len(pcm), size):
        chunk = media_pb2.AudioChunk(first_sample=first + at, pcm=pcm[at : at + size].tobytes())
        yield face_pb2.AnimateRequest(audio=chunk)
    yield face_pb2.AnimateRequest(end=face_pb2.AnimateEnd())


def frames_of(answers: list[Answer]) -> Weights:
    batches = [answer.frames for answer in answers if answer.WhichOneof("event") == "frames"]
    return np.concatenate([np.array(batch.weights, np.float32).reshape(-1, 61) for batch in batches])


def emotions_of(answers: list[Answer]) -> list[media_pb2.EmotionKey]:
    return [answer.emotion for answer in answers if answer.WhichOneof("event") == "emotion"]


async def test_the_service_animates_a_file_as_published(
    stub: Stub, data: Path, golden: Mapping[str, np.ndarray]
) -> None:
    request = face_pb2.AnimateClipRequest(file=(data / "speech_a.wav").read_bytes())
    answers: list[Answer] = [answer async for answer in stub.AnimateClip(request, timeout=30)]
    wanted = golden["frames_speech_a"]
    np.testing.assert_allclose(frames_of(answers), np.clip(wanted[:, :61], LOWEST, 1), rtol=0, atol=1e-5)
    assert answers[-1].finished.frame_count == len(wanted)
    keys = emotions_of(answers)
    assert keys[-1].at_sample % (RATE // 60) == 0
    strongest = max(keys[-1].weights, key=lambda weight: weight.weight).emotion
    assert strongest == 1 + int(np.argmax(wanted[keys[-1].at_sample * 60 // RATE, 61:]))


async def test_streams_at_once_do_not_mix_and_do_not_depend_on_chunks(stub: Stub, speech: Pcm) -> None:
    sounds = [speech, speech[::-1].copy()]

    async def talk(which: int, size: int) -> list[Answer]:
        return [answer async for answer in stub.Animate(requests(sounds[which], size), timeout=60)]

    answers = await asyncio.gather(*(talk(which, size) for size in (480, 1200, 24_000) for which in (0, 1)))
    for which in (0, 1):
        for other in (2, 4):
            np.testing.assert_allclose(frames_of(answers[which]), frames_of(answers[which + other]), rtol=0, atol=1e-4)
            assert len(emotions_of(answers[which])) == len(emotions_of(answers[which + other])) > 5
    assert np.abs(frames_of(answers[0])[60:] - frames_of(answers[1])[60:]).max() > 0.1


async def test_a_stream_that_takes_over_counts_frames_and_emotions_of_the_turn(stub: Stub, speech: Pcm) -> None:
    start, first = 36_000, 12_000
    answers: list[Answer] = [
        answer async for answer in stub.Animate(requests(speech[first:], 2400, start, first), timeout=60)
    ]
    batches = [answer.frames for answer in answers if answer.WhichOneof("event") == "frames"]
    assert batches[0].first_frame == 90
    assert answers[-1].finished.frame_count == -(-(len(speech) - start) * 60 // RATE)
    samples = [key.at_sample for key in emotions_of(answers)]
    assert samples == sorted(samples)
    assert samples[0] >= start
    assert samples[-1] < len(speech)


async def test_the_service_describes_the_model(stub: Stub) -> None:
    (description,) = (await stub.DescribeModels(face_pb2.DescribeModelsRequest(), timeout=5)).models
    assert (description.model, description.engine, description.sample_rate_hertz) == (
        "neurosync",
        "torch/CPU/fp32",
        88_200,
    )
    assert description.look_ahead_sample_count == (48 + 12) * 1470  # the default hop of a CPU
    assert description.emotion_source == face_pb2.EMOTION_SOURCE_SOUND
    assert list(description.curve_names) == list(CURVE_NAMES)


async def test_noise_that_is_no_file_is_an_invalid_argument(stub: Stub) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        [_ async for _ in stub.AnimateClip(face_pb2.AnimateClipRequest(file=b"\x01\x02" * 500), timeout=20)]
    assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    file = io.BytesIO()
    soundfile.write(file, np.zeros(100, np.int16), 4000, format="WAV")
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        [_ async for _ in stub.AnimateClip(face_pb2.AnimateClipRequest(file=file.getvalue()), timeout=20)]
    assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"checkpoint": None}, "needs NEUROSYNC_FACE_CHECKPOINT"),
        ({"checkpoint": "/nowhere/model.pth"}, r"cannot read /nowhere/model\.pth"),
        ({"hop": 110}, "hop and look_ahead: expected"),
        ({"model": "unknown"}, "expected a model shipped"),
    ],
)
def test_a_wrong_setting_is_refused_with_what_is_expected(data: Path, changes: dict[str, object], reason: str) -> None:
    values = {"model": "neurosync", "checkpoint": str(data / "small.safetensors")} | changes
    with pytest.raises(ConfigurationError, match=reason):
        load_model(load(FaceSettings, **values))
