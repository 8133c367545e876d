"""Malformed and extreme audio: the service answers or refuses, in bounded time and memory, and others keep pace."""

from __future__ import annotations

import asyncio
import io
import struct
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc
import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from neurosync.v1 import face_pb2, face_pb2_grpc
from services.common.settings import load
from services.face.server import FaceService
from services.face.settings import FaceSettings
from services.media.curves import LOWEST
from services.serving.dialing import dial
from services.serving.server import running
from tests.face.animate_calls import END, FLUSH, audio, chunks, config, frames_of, syllables, talk

if TYPE_CHECKING:
    Stub = face_pb2_grpc.FaceServiceAsyncStub

RATE = 24_000
REFUSED = "INVALID_ARGUMENT"


async def clip(stub: Stub, file: bytes) -> int | str:
    """Return how many frames a file gives, checked, or the status of its refusal."""
    try:
        answers = [answer async for answer in stub.AnimateClip(face_pb2.AnimateClipRequest(file=file), timeout=60)]
    except grpc.aio.AioRpcError as error:
        return str(error.code().name)
    frames = frames_of(answers)
    assert ((frames >= LOWEST) & (frames <= 1)).all()  # also refuses NaN
    assert answers[-1].finished.frame_count == len(frames)
    return len(frames)


def recording(sound: np.ndarray, rate: int = RATE, kind: str = "WAV", subtype: str | None = None) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, sound, rate, format=kind, subtype=subtype)
    return file.getvalue()


@given(
    rate=st.integers(8_000, 192_000),
    sizes=st.lists(st.integers(0, 9_000), max_size=6),
    flushes=st.integers(0, 63),
    level=st.sampled_from([0, 1, 900, 32_767]),
)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_rate_in_any_pieces_gives_every_frame(rate: int, sizes: list[int], flushes: int, level: int) -> None:
    async def call() -> None:
        settings = load(FaceSettings, listen="127.0.0.1:0", capacity=4)
        async with running(FaceService(settings), settings) as server, dial(server.address) as channel:
            stub: Stub = face_pb2_grpc.FaceServiceStub(channel)
            random, at, messages = np.random.default_rng(rate), 0, [config(rate)]
            for number, size in enumerate(sizes):
                pcm = random.integers(-level - 1, level + 1, size).astype(np.int16)
                messages += [audio(pcm, at), *([FLUSH] if flushes >> number & 1 else [])]
                at += size
            frames = frames_of(await talk(stub, *messages, END))
            assert len(frames) == -(-at * 60 // rate)
            assert ((frames >= LOWEST) & (frames <= 1)).all()

    asyncio.run(call())


@pytest.mark.parametrize("channels", range(1, 9))
@pytest.mark.parametrize("kind", ["WAV", "FLAC", "OGG"])
async def test_up_to_eight_channels_are_averaged(stub: Stub, channels: int, kind: str) -> None:
    sound = np.stack([syllables(0.5)] * channels, axis=1)
    assert await clip(stub, recording(sound, kind=kind)) == 30


ONE_SECOND = np.sin(np.arange(RATE) / 30)
LEVELS: dict[str, tuple[np.ndarray, int | str]] = {
    "one sample": (np.ones(1), 1),
    "no sample": (np.zeros(0), REFUSED),
    "not a number": (np.where(np.arange(RATE) % 7 < 3, np.nan, ONE_SECOND), 60),
    "nothing but not a number": (np.full(RATE, np.nan), 60),
    "infinite": (np.where(np.arange(RATE) % 2, np.inf, -np.inf), 60),
    "direct current": (np.full(RATE, 0.9), 60),
    "clipped": (np.clip(ONE_SECOND * 1e6, -1, 1), 60),
    "beyond full scale": (ONE_SECOND * 1e30, 60),
    "hardly there": (ONE_SECOND * 1e-30, 60),
}


@pytest.mark.parametrize("name", LEVELS)
async def test_sound_of_any_level_is_animated_within_the_curves_range(stub: Stub, name: str) -> None:
    sound, wanted = LEVELS[name]
    with np.errstate(over="ignore"):
        assert await clip(stub, recording(sound.astype(np.float32), subtype="FLOAT")) == wanted


@pytest.mark.parametrize("kind", ["WAV", "FLAC", "OGG", "MP3"])
async def test_files_that_are_cut_off_anywhere_or_damaged_are_refused_or_animated(stub: Stub, kind: str) -> None:
    whole, random = recording(syllables(0.3), kind=kind), np.random.default_rng(3)
    cuts = [*range(0, 64, 3), *random.integers(64, len(whole), 30).tolist()]
    damaged = []
    for _ in range(40):
        file = np.frombuffer(whole, np.uint8).copy()
        at = random.integers(0, min(len(file), 2_000), 5)
        file[at] = random.integers(0, 256, 5)
        damaged.append(file.tobytes())
    for each in [whole[:cut] for cut in cuts] + damaged:
        frames = await clip(stub, each)
        assert frames == REFUSED or (isinstance(frames, int) and frames <= 36_000)
    assert isinstance(await clip(stub, whole), int)


def promising(seconds: int, rate: int) -> bytes:
    """Return a FLAC file of a tenth of a second whose header promises `seconds`."""
    file = bytearray(recording(np.zeros(rate // 10, np.int16), rate, "FLAC"))
    streaminfo = int.from_bytes(file[18:26])  # rate 20 bits, channels 3, bits 5, samples 36
    file[18:26] = ((streaminfo >> 36 << 36) | seconds * rate).to_bytes(8)
    return bytes(file)


async def test_hours_of_silence_in_a_few_bytes_are_refused_unread(stub: Stub) -> None:
    hours = recording(np.zeros(3 * 3600 * 8_000, np.int16), 8_000, "FLAC")
    assert len(hours) < 4 << 20
    begun = time.monotonic()
    for bomb in (hours, promising(3600, RATE), promising((1 << 36) // 8_000 - 1, 8_000)):
        assert await clip(stub, bomb) == REFUSED
    assert time.monotonic() - begun < 5
    assert await clip(stub, promising(599, RATE)) in {REFUSED, 6}  # what it holds, not what it promises
    riff = bytearray(recording(np.zeros(2400, np.int16)))
    riff[40:44] = struct.pack("<I", 0xFFFFFFFE)
    assert await clip(stub, bytes(riff)) in {REFUSED, 6}


def resident() -> float:
    """Return the megabytes that this process holds."""
    line = next(line for line in Path("/proc/self/status").read_text("utf-8").splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


async def hours(stub: Stub, seconds: int) -> tuple[float, float]:
    """Animate a long sound; return how many times faster than it lasts, and by how many megabytes memory grew most."""
    call, pcm = stub.Animate(timeout=1800), syllables(10.0)
    start, before, most, count = time.monotonic(), resident(), 0.0, 0
    await call.write(config())

    async def send() -> None:
        for at in range(0, seconds * RATE, len(pcm)):
            await call.write(audio(pcm, at))
        await call.write(END)
        await call.done_writing()

    sending = asyncio.create_task(send())
    async for answer in call:
        if answer.WhichOneof("event") == "frames":
            count += answer.frames.frame_count
            most = max(most, resident() - before)
    await sending
    assert count == 60 * seconds
    return seconds / (time.monotonic() - start), most


@pytest.mark.skipif(sys.platform != "linux", reason="reads its memory from /proc")
@pytest.mark.parametrize("seconds", [120, pytest.param(3600, marks=[pytest.mark.slow, pytest.mark.timeout(1800)])])
async def test_an_hour_through_a_stream_is_faster_than_it_lasts_and_takes_no_memory(stub: Stub, seconds: int) -> None:
    speed, growth = await hours(stub, seconds)
    print(f"\n{seconds} s: {speed:.0f} x real time, {growth:.1f} MB at most")
    assert speed > 3
    assert growth < 40


LATE_SECONDS = 0.5
"""That an answer may take beside the abuse, with the abuser in the same process and whatever else the machine does."""


async def test_a_stream_keeps_its_pace_beside_bombs_garbage_and_haste(stub: Stub) -> None:
    silence = np.zeros((300 * 48_000, 2), np.int16)
    bombs = [recording(silence, 48_000, "FLAC"), recording(syllables(60.0), kind="OGG"), b"RIFF" + bytes(100_000)]

    hasty = [config(), *chunks(syllables(20.0), size=RATE // 10), END]  # as fast as it is taken

    async def abuse() -> None:
        while True:
            await asyncio.gather(*(clip(stub, bomb) for bomb in bombs), talk(stub, *hasty))

    abusing = asyncio.create_task(abuse())
    call: Any = stub.Animate(timeout=60)
    await call.write(config())
    await call.read()
    late, begun, pcm = [], time.monotonic(), syllables(2.5)
    for number, chunk in enumerate(chunks(pcm, size=RATE // 10)):
        await asyncio.sleep(max(0.0, begun + number / 10 - time.monotonic()))
        sent = time.monotonic()
        await call.write(chunk)
        if number:  # the first lies within the look-ahead
            assert (await call.read()).WhichOneof("event") == "frames"
            late.append(time.monotonic() - sent)
    abusing.cancel()
    call.cancel()
    await asyncio.wait({abusing})
    print(f"\nanswers after {1e3 * np.median(late):.0f} ms, at most {1e3 * max(late):.0f} ms")
    assert max(late) < LATE_SECONDS
