"""The real process on a real sound server: what is played is heard on the monitor of a null sink."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import sys
import uuid
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from neurosync.v1 import media_pb2 as media
from neurosync.v1 import player_pb2 as pb
from neurosync.v1 import player_pb2_grpc
from services.dialing import dial
from services.wire import audio_chunk

pytestmark = pytest.mark.device

ROOT = Path(__file__).parents[2]
RATE = 24_000
TONE = 1000.0  # Hz
SERVER_SETUP = """
load-module module-native-protocol-unix
load-module module-null-sink sink_name=neurosync rate=48000 channels=2 format=s16le
set-default-sink neurosync
set-default-source neurosync.monitor
"""


@contextlib.asynccontextmanager
async def process(
    *command: str, environment: dict[str, str], out: int = DEVNULL, err: int = DEVNULL
) -> AsyncIterator[Process]:
    child = await asyncio.create_subprocess_exec(*command, env=environment, stdout=out, stderr=err, cwd=ROOT)
    try:
        yield child
    finally:
        if child.returncode is None:
            child.terminate()
        async with asyncio.timeout(15):
            if child.stdout:
                await child.stdout.read()
            await child.wait()


async def answer(*command: str, environment: dict[str, str]) -> int:
    """Return the exit status of a command."""
    async with process(*command, environment=environment) as child:
        return await child.wait()


@pytest.fixture
async def sound_server(tmp_path: Path) -> AsyncIterator[dict[str, str]]:
    """Return the environment of programs that use a sound server of our own."""
    for program in ("pulseaudio", "parec", "pactl"):
        if not shutil.which(program):
            pytest.skip(f"{program} is not installed (apt-get install pulseaudio pulseaudio-utils libasound2-plugins)")
    place = tmp_path / "sound"
    place.mkdir(mode=0o700)
    (place / "setup.pa").write_text(SERVER_SETUP)
    environment = os.environ | {"XDG_RUNTIME_DIR": str(place), "HOME": str(place)}
    options = ("--daemonize=no", "-n", "-F", str(place / "setup.pa"), "--exit-idle-time=-1", "--use-pid-file=no")
    async with process("pulseaudio", *options, environment=environment):
        async with asyncio.timeout(20):
            while await answer("pactl", "info", environment=environment):
                pass
        yield environment


class Recorder:
    """Listens to what the sink plays."""

    def __init__(self, child: Process) -> None:
        self._child = child

    async def listen(self, seconds: float) -> npt.NDArray[np.int16]:
        assert self._child.stdout
        async with asyncio.timeout(seconds + 10):
            return np.frombuffer(await self._child.stdout.readexactly(2 * round(seconds * RATE)), np.int16)


@pytest.fixture
async def recorder(sound_server: dict[str, str]) -> AsyncIterator[Recorder]:
    options = (
        "-d",
        "neurosync.monitor",
        f"--rate={RATE}",
        "--channels=1",
        "--format=s16le",
        "--raw",
        "--latency-msec=10",
    )
    async with process("parec", *options, environment=sound_server, out=PIPE) as child:
        recorder = Recorder(child)
        await recorder.listen(0.1)
        yield recorder


@pytest.fixture
async def stub(sound_server: dict[str, str]) -> AsyncIterator[player_pb2_grpc.PlayerServiceAsyncStub]:
    environment = sound_server | {"NEUROSYNC_PLAYER_LISTEN": "127.0.0.1:0", "NEUROSYNC_PLAYER_TARGETS": "127.0.0.1:9"}
    async with process(sys.executable, "-m", "services.player", environment=environment, err=PIPE) as child:
        assert child.stderr
        address = ""
        async with asyncio.timeout(30):
            while line := (await child.stderr.readline()).decode():
                if " address=" in line and "listening" in line:
                    address = line.split(" address=")[1].strip()
                if " alive " in line:
                    break
        assert address, "the player did not start"
        draining = asyncio.create_task(child.stderr.read())
        async with dial(address) as channel:
            yield player_pb2_grpc.PlayerServiceStub(channel)
        child.terminate()
        async with asyncio.timeout(15):
            await draining
            assert await child.wait() == 0


def tone(seconds: float) -> npt.NDArray[np.int16]:
    time = np.arange(round(seconds * RATE)) / RATE
    return np.asarray(12_000 * np.sin(2 * np.pi * TONE * time), np.int16)


def config() -> pb.PerformConfig:
    return pb.PerformConfig(
        turn_id=str(uuid.uuid4()), format=media.AudioFormat(sample_rate_hertz=RATE), voice_only=True
    )


def loud(recording: npt.NDArray[np.int16]) -> npt.NDArray[np.int16]:
    """Return the part of a recording from the first to the last sample that is not silent."""
    heard = np.flatnonzero(np.abs(recording.astype(int)) > 100)
    return recording[heard[0] : heard[-1] + 1] if len(heard) else recording[:0]


async def test_a_played_tone_is_heard_whole(stub: player_pb2_grpc.PlayerServiceAsyncStub, recorder: Recorder) -> None:
    listening = asyncio.create_task(recorder.listen(2.5))
    events = [event async for event in stub.Play(pb.PlayRequest(config=config(), pcm=tone(1.0).tobytes()))]
    heard = loud(await listening)
    status = await stub.GetStatus(pb.GetStatusRequest())
    assert status.output.kind == "device"
    assert 0.005 < status.output.latency.ToMilliseconds() / 1000 < 0.5
    assert events[-1].finished.heard_sample_count == RATE
    assert len(heard) == pytest.approx(RATE, abs=0.03 * RATE)
    spectrum = np.abs(np.fft.rfft(heard * np.hanning(len(heard))))
    assert np.argmax(spectrum) * RATE / len(heard) == pytest.approx(TONE, abs=2)


async def test_a_stop_silences_what_is_heard(stub: player_pb2_grpc.PlayerServiceAsyncStub, recorder: Recorder) -> None:
    listening = asyncio.create_task(recorder.listen(2.5))
    chunks = [
        pb.PerformRequest(audio=audio_chunk(first, tone(2.0)[first : first + 2400])) for first in range(0, 48_000, 2400)
    ]
    call = stub.Perform(iter([pb.PerformRequest(config=config()), *chunks]))
    async for event in call:
        if event.HasField("position") and event.position.heard_sample_count > RATE // 2:
            break
    answer = await stub.Stop(pb.StopRequest(everything=True))
    rest = [event async for event in call]
    recording = await listening
    (stopped,) = answer.turns
    assert rest[-1].finished.heard_sample_count == stopped.heard_sample_count
    assert stopped.heard_sample_count < RATE
    assert len(loud(recording)) == pytest.approx(stopped.heard_sample_count, abs=0.03 * RATE)
