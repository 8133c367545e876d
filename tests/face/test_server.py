"""FaceService over a real connection, with the real model."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import grpc
import numpy as np
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from neurosync.v1 import face_pb2, face_pb2_grpc, media_pb2
from services.common.settings import load
from services.common.types import Pcm, Weights
from services.face.server import FaceService
from services.face.settings import FaceSettings
from services.media.curves import CURVE_NAMES, INDEX
from services.serving.dialing import dial
from services.serving.server import running
from tests.face.animate_calls import (
    END,
    FLUSH,
    RATE,
    Answers,
    Request,
    audio,
    chunks,
    config,
    frames_of,
    next_of,
    refusal,
    rest_of,
    styled,
    syllables,
    talk,
)

if TYPE_CHECKING:
    from tests.face.animate_calls import Stub


async def test_sound_in_chunks_becomes_a_header_frames_and_an_end(
    stub: Stub, animate: Callable[[Pcm, int], Weights]
) -> None:
    pcm = syllables(2.0)
    header, *middle, finished = await talk(stub, config(), *chunks(pcm), END)
    assert list(header.header.frames.curve_names) == list(CURVE_NAMES)
    assert header.header.frames.frame_rate_hertz == 60
    assert 2800 <= header.header.look_ahead_sample_count <= 2900
    np.testing.assert_allclose(frames_of(middle), animate(pcm, RATE), atol=1e-4)
    assert finished.finished.frame_count == 120
    assert finished.finished.sample_count == 48_000
    assert 0 < finished.finished.compute.ToNanoseconds() < 5e9


async def test_frames_come_before_the_sound_is_complete(stub: Stub) -> None:
    call = stub.Animate(timeout=20)
    await call.write(config())
    assert (await next_of(call)).WhichOneof("event") == "header"
    await call.write(audio(syllables(0.2)))
    async with asyncio.timeout(5):
        first = await next_of(call)
    assert first.frames.first_frame == 0
    assert first.frames.frame_count == 5  # frames 0 to 4 have their 100 ms of look-ahead (and 1 ms of resampling)
    await call.done_writing()
    assert len(frames_of(await rest_of(call), 5)) == 7


async def test_half_closing_ends_like_end(stub: Stub) -> None:
    answers = await talk(stub, config(), audio(syllables(0.5)))
    assert answers[-1].finished.frame_count == 30


async def test_flush_answers_at_once_and_the_stream_goes_on(stub: Stub) -> None:
    pcm = syllables(1.0)
    call = stub.Animate(timeout=20)
    for request in (config(), audio(pcm[:12_000]), FLUSH):
        await call.write(request)
    answers: Answers = []
    async with asyncio.timeout(5):
        while len(frames_of(answers)) < 30:
            answers.append(await next_of(call))
    await call.write(audio(pcm[12_000:], 12_000))
    await call.done_writing()
    answers += await rest_of(call)
    assert len(frames_of(answers)) == 60


async def test_a_stream_taken_over_in_the_middle_gives_the_same_frames(stub: Stub) -> None:
    pcm = syllables(3.0)
    whole = frames_of(await talk(stub, config(), *chunks(pcm), END))
    start, first = 36_000, 12_345  # just under a second of context, between two frames
    answers = await talk(stub, config(start=start, first=first), *chunks(pcm[first:], first), END)
    frames = frames_of(answers, 90)
    assert len(frames) == len(whole) - 90
    assert np.abs(frames[:, INDEX["JawOpen"]] - whole[90:, INDEX["JawOpen"]]).max() < 0.06
    assert answers[-1].finished.sample_count == len(pcm) - start


async def test_a_call_without_sound_gives_no_frames(stub: Stub) -> None:
    answers = await talk(stub, config(), END)
    assert [answer.WhichOneof("event") for answer in answers] == ["header", "finished"]


async def test_emotions_are_accepted(stub: Stub) -> None:
    happy = media_pb2.EmotionKey(weights=[media_pb2.EmotionWeight(emotion=media_pb2.EMOTION_HAPPY, weight=1)])
    answers = await talk(stub, config(), Request(emotion=happy), audio(syllables(0.1)), END)
    assert answers[-1].finished.frame_count == 6


async def test_a_call_has_its_own_style_and_leaves_others_theirs(stub: Stub) -> None:
    pcm, calm = syllables(2.0), styled(jaw=0.5, head=0, smoothing=0.02)
    ours, theirs = await asyncio.gather(
        talk(stub, config(style=calm), *chunks(pcm), END), talk(stub, config(), *chunks(pcm), END)
    )
    frames, usual = frames_of(ours), frames_of(theirs)
    jaw = INDEX["JawOpen"]
    assert 0.2 * usual[:, jaw].max() < frames[:, jaw].max() < 0.6 * usual[:, jaw].max()
    assert usual[:, INDEX["HeadPitch"]].any()
    assert not frames[:, INDEX["HeadPitch"]].any()
    request = face_pb2.AnimateClipRequest(
        pcm=pcm.tobytes(), format=media_pb2.AudioFormat(sample_rate_hertz=RATE), style=calm
    )
    clip = frames_of([answer async for answer in stub.AnimateClip(request, timeout=20)])
    np.testing.assert_allclose(clip, frames, atol=1e-4)


async def test_a_style_takes_the_place_of_what_is_set_only_where_it_sets_a_field() -> None:
    settings = load(FaceSettings, listen="127.0.0.1:0", strength={"jaw": 0.5, "mouth": 0.0}, closure=2.0)
    pcm = syllables(1.0)
    async with running(FaceService(settings), settings) as server, dial(server.address) as channel:
        stub = face_pb2_grpc.FaceServiceStub(channel)
        usual = frames_of(await talk(stub, config(), *chunks(pcm), END))
        again = frames_of(await talk(stub, config(style=styled(jaw=1)), *chunks(pcm), END))
    jaw, mouth = INDEX["JawOpen"], INDEX["MouthLowerDownLeft"]
    np.testing.assert_allclose(again[:, jaw], 2 * usual[:, jaw], atol=1e-5)
    assert not usual[:, mouth].any()
    assert not again[:, mouth].any()


ODD = Request(audio=media_pb2.AudioChunk(pcm=b"abc"))
WRONG = {
    "no config": ([audio(syllables(0.1))], "part: expected config in the first message, got 'audio'"),
    "nothing": ([], "part: expected config in the first message, got None"),
    "slow rate": ([config(rate=7999)], "config.format.sample_rate_hertz: expected 8000 to 192000 Hz, got 7999"),
    "fast rate": ([config(rate=192_001)], "config.format.sample_rate_hertz: expected 8000 to 192000 Hz, got 192001"),
    "no rate": ([config(rate=0)], "config.format.sample_rate_hertz: expected 8000 to 192000 Hz, got 0"),
    "model": ([config(model="unknown")], "config.model: expected empty or one of: lipsync, got 'unknown'"),
    "between frames": ([config(start=100)], "config.start_sample: expected a multiple of 400, .*, got 100"),
    "negative start": ([config(start=-400)], "config.start_sample: expected .*, got -400"),
    "late sound": ([config(start=400, first=401)], "config.first_audio_sample: expected 0 to 400 .*, got 401"),
    "long context": ([config(start=48_000, first=0)], "config.first_audio_sample: expected 24000 to 48000 .*, got 0"),
    "loud jaw": ([config(style=styled(jaw=3.1))], "config.style.jaw: expected 0 to 3, got 3.0999"),
    "no smoothing": ([config(style=styled(smoothing=-0.1))], "config.style.smoothing: expected 0 to 0.5 s, got -0.1"),
    "no closure": ([config(style=styled(closure=float("nan")))], "config.style.closure: expected 0 to 3, got nan"),
    "half a sample": ([config(), ODD], r"audio.pcm: expected an even number of bytes \(PCM16\), got '3 bytes'"),
    "gap": ([config(), audio(syllables(0.1), 1)], "audio.first_sample: expected 0, no gap and no overlap, got 1"),
    "overlap": (
        [config(), audio(syllables(0.1)), audio(syllables(0.1), 2399)],
        "audio.first_sample: expected 2400, no gap and no overlap, got 2399",
    ),
    "two configs": ([config(), config()], "part: expected audio, emotion, flush or end after the config, got 'config'"),
    "empty message": ([config(), Request()], "part: expected audio, .*, got None"),
    "emotion": (
        [config(), Request(emotion=media_pb2.EmotionKey(weights=[media_pb2.EmotionWeight(weight=float("nan"))]))],
        "emotion.weights.weight: expected 0 to 1, got nan",
    ),
}


@pytest.mark.parametrize("name", WRONG)
async def test_a_wrong_message_is_an_invalid_argument_with_the_reason(stub: Stub, name: str) -> None:
    requests, reason = WRONG[name]
    error = await refusal(stub.Animate(iter(requests), timeout=20))
    assert error.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert error.details() is not None
    with pytest.raises(ValueError, match=reason):
        raise ValueError(error.details())


async def test_the_model_describes_itself(stub: Stub) -> None:
    answer = await stub.DescribeModels(face_pb2.DescribeModelsRequest(), timeout=5)
    (model,) = answer.models
    assert model.model == "lipsync"
    assert list(model.curve_names) == list(CURVE_NAMES)
    assert (
        {"JawOpen", "MouthClose", "MouthSmileLeft", "TongueOut"} <= set(model.animated_curve_names) < set(CURVE_NAMES)
    )
    assert (model.frame_rate_hertz, model.sample_rate_hertz, model.look_ahead_sample_count) == (60, 16_000, 1867)
    assert model.emotion_source == face_pb2.EMOTION_SOURCE_NONE
    assert model.engine == "onnxruntime/CPU"
    assert 1 <= answer.capacity_stream_count <= 256  # measured
    assert (answer.active_stream_count, answer.waiting_window_count) == (0, 0)


async def active(stub: Stub) -> int:
    return (await stub.DescribeModels(face_pb2.DescribeModelsRequest(), timeout=5)).active_stream_count


async def test_a_cancelled_call_gives_its_place_back(stub: Stub) -> None:
    call = stub.Animate(timeout=20)
    await call.write(config())
    await call.read()
    assert await active(stub) == 1
    await call.write(audio(syllables(20.0)))
    call.cancel()
    async with asyncio.timeout(5):
        while await active(stub):
            pass


async def test_a_full_service_refuses_before_it_sends_anything() -> None:
    settings = load(FaceSettings, listen="127.0.0.1:0", capacity=1)
    async with running(FaceService(settings), settings) as server, dial(server.address) as channel:
        stub = face_pb2_grpc.FaceServiceStub(channel)
        holder = stub.Animate(timeout=20)
        await holder.write(config())
        await holder.read()
        error = await refusal(stub.Animate(iter([config()]), timeout=20))
        assert error.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
        assert error.details() == (
            "all 1 streams that this face service keeps in real time are in use; try again later, or another replica"
        )
        await holder.done_writing()
        assert [answer.WhichOneof("event") for answer in await rest_of(holder)] == ["finished"]
        assert len(await talk(stub, config(), END)) == 2


async def test_an_inactive_client_loses_its_place() -> None:
    settings = load(FaceSettings, listen="127.0.0.1:0", inactivity=0.05)
    async with running(FaceService(settings), settings) as server, dial(server.address) as channel:
        await server.warm
        call = face_pb2_grpc.FaceServiceStub(channel).Animate(timeout=20)
        await call.write(config())
        assert (await refusal(call)).code() == grpc.StatusCode.DEADLINE_EXCEEDED


async def test_many_streams_at_once_do_not_mix(stub: Stub) -> None:
    loud, still = syllables(1.0), np.zeros(RATE, np.int16)
    answers = await asyncio.gather(*(talk(stub, config(), *chunks(pcm), END) for pcm in [loud, still] * 4))
    jaws = [frames_of(answer)[:, INDEX["JawOpen"]].max() for answer in answers]
    assert min(jaws[::2]) > 0.04
    assert max(jaws[1::2]) <= 0.02


async def test_the_service_is_healthy_once_its_model_is_loaded() -> None:
    settings = load(FaceSettings, listen="127.0.0.1:0")
    async with running(FaceService(settings), settings) as server, dial(server.address) as channel:
        await server.warm
        health: Any = health_pb2_grpc.HealthStub(channel)
        answer = await health.Check(health_pb2.HealthCheckRequest(service=FaceService.name), timeout=5)
        assert answer.status == health_pb2.HealthCheckResponse.SERVING
