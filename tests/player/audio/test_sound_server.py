"""The real process on a real sound server: what is played is heard on the monitor of a null sink."""

from __future__ import annotations

import asyncio
import itertools
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from bench.lip_sync import measure_barge_in, measure_sync
from bench.player_process import player_process
from bench.player_soak import soak
from bench.receiver import Receiver, receiver
from bench.sound_server import RATE as SINK_RATE
from bench.sound_server import REMEDY, Recording, SoundServer, missing, recording, sound_server
from neurosync.v1 import media_pb2 as media
from neurosync.v1 import player_pb2 as pb
from neurosync.v1 import player_pb2_grpc
from services.common.wire import audio_chunk
from services.serving.dialing import dial

pytestmark = pytest.mark.device

RATE = 24_000
TONE = 1000.0  # Hz


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[SoundServer]:
    """Yield a sound server of our own."""
    if lacking := missing():
        pytest.skip(f"{', '.join(lacking)} is not installed ({REMEDY})")
    place = tmp_path / "sound"
    place.mkdir()
    async with sound_server(place) as running:
        yield running


@pytest.fixture
async def player(server: SoundServer) -> AsyncIterator[tuple[player_pb2_grpc.PlayerServiceAsyncStub, Receiver]]:
    """Yield a player on that server, and what it sends."""
    with receiver() as unreal:
        async with (
            player_process(server.environment, targets=unreal.address) as process,
            dial(process.address) as channel,
        ):
            yield player_pb2_grpc.PlayerServiceStub(channel), unreal


def tone(seconds: float, hertz: float = TONE) -> npt.NDArray[np.int16]:
    time = np.arange(round(seconds * RATE)) / RATE
    return np.asarray(12_000 * np.sin(2 * np.pi * hertz * time), np.int16)


def config(subject: str = "") -> pb.PerformConfig:
    return pb.PerformConfig(
        turn_id=str(uuid.uuid4()), subject=subject, format=media.AudioFormat(sample_rate_hertz=RATE), voice_only=True
    )


def loud(made: Recording) -> npt.NDArray[np.int16]:
    """Return the part of a recording from the first to the last sample that is not silent."""
    sound = made.sound()
    heard = np.flatnonzero(np.abs(sound.astype(int)) > 100)
    return sound[heard[0] : heard[-1] + 1] if len(heard) else sound[:0]


async def recorded(made: Recording, seconds: float) -> None:
    """Wait until `seconds` more have been recorded."""
    until = made.seconds + seconds
    async with asyncio.timeout(seconds + 10):
        while made.seconds < until:  # noqa: ASYNC110 - a thread listens
            await asyncio.sleep(0.02)


async def status_with(stub: player_pb2_grpc.PlayerServiceAsyncStub, kind: str) -> pb.GetStatusResponse:
    """Return the status once the output is of that kind."""
    async with asyncio.timeout(20):
        while (status := await stub.GetStatus(pb.GetStatusRequest())).output.kind != kind:
            pass
    return status


async def test_a_played_tone_is_heard_whole(
    server: SoundServer, player: tuple[player_pb2_grpc.PlayerServiceAsyncStub, Receiver]
) -> None:
    stub, _ = player
    with recording(server) as made:
        await recorded(made, 0.1)
        events = [event async for event in stub.Play(pb.PlayRequest(config=config(), pcm=tone(1.0).tobytes()))]
        await recorded(made, 0.3)
    heard = loud(made)
    status = await stub.GetStatus(pb.GetStatusRequest())
    assert status.output.kind == "device"
    assert 0.005 < status.output.latency.ToMilliseconds() / 1000 < 0.5
    assert events[-1].finished.heard_sample_count == RATE
    assert len(heard) == pytest.approx(SINK_RATE, abs=0.03 * SINK_RATE)
    spectrum = np.abs(np.fft.rfft(heard * np.hanning(len(heard))))
    assert np.argmax(spectrum) * SINK_RATE / len(heard) == pytest.approx(TONE, abs=2)


async def test_two_characters_are_heard_on_two_devices(server: SoundServer) -> None:
    await server.add_sink("second")
    tones = {"Ada": 1000.0, "Bob": 1700.0}
    settings = {"subjects": "Ada,Bob", "outputs": '{"Bob": "second"}', "targets": "127.0.0.1:9"}
    async with (
        player_process(server.environment, **settings) as process,
        dial(process.address) as channel,
    ):
        stub = player_pb2_grpc.PlayerServiceStub(channel)

        async def speak(name: str) -> pb.PerformFinished:
            request = pb.PlayRequest(config=config(name), pcm=tone(1.0, tones[name]).tobytes())
            return [event async for event in stub.Play(request)][-1].finished

        with recording(server) as first, recording(server, "second") as second:
            await asyncio.gather(recorded(first, 0.1), recorded(second, 0.1))
            finished = await asyncio.gather(*map(speak, tones))
            await asyncio.gather(recorded(first, 0.3), recorded(second, 0.3))
        status = await stub.GetStatus(pb.GetStatusRequest())
    assert [status.output.kind, status.subject_outputs[0].output.kind] == ["device", "device"]
    assert status.subject_outputs[0].output.device == "second"
    assert [last.heard_sample_count for last in finished] == [RATE, RATE]
    for made, (own, other) in ((first, (1000, 1700)), (second, (1700, 1000))):
        heard = loud(made)
        assert len(heard) == pytest.approx(SINK_RATE, abs=0.03 * SINK_RATE)
        spectrum = np.abs(np.fft.rfft(heard * np.hanning(len(heard)), SINK_RATE))  # bins of 1 Hz
        assert np.argmax(spectrum) == pytest.approx(own, abs=2)
        assert spectrum[other - 50 : other + 50].max() < 0.01 * spectrum.max()  # -40 dB


async def test_each_of_two_devices_comes_back_by_itself(server: SoundServer) -> None:
    await server.add_sink("second")
    settings = {"subjects": "Ada,Bob", "outputs": '{"Bob": "second"}', "targets": "127.0.0.1:9"}
    async with player_process(server.environment, **settings) as process, dial(process.address) as channel:
        stub = player_pb2_grpc.PlayerServiceStub(channel)

        async def status_with_kinds(*kinds: str) -> pb.GetStatusResponse:
            async with asyncio.timeout(30):
                while True:
                    status = await stub.GetStatus(pb.GetStatusRequest())
                    if (status.output.kind, status.subject_outputs[0].output.kind) == kinds:
                        return status

        await server.kill()
        await status_with_kinds("none", "none")
        await server.start()
        await status_with_kinds("device", "none")  # Bob's sink is not there yet
        main = [event async for event in stub.Play(pb.PlayRequest(config=config("Ada"), pcm=tone(0.2).tobytes()))]
        await server.add_sink("second")
        status = await status_with_kinds("device", "device")
        assert (status.output.lost_count, status.subject_outputs[0].output.lost_count) == (1, 1)
        with recording(server, "second") as made:
            await recorded(made, 0.1)
            bob = [event async for event in stub.Play(pb.PlayRequest(config=config("Bob"), pcm=tone(0.5).tobytes()))]
            await recorded(made, 0.3)
    assert [events[-1].finished.heard_sample_count for events in (main, bob)] == [RATE // 5, RATE // 2]
    assert len(loud(made)) == pytest.approx(SINK_RATE // 2, abs=0.03 * SINK_RATE)


async def test_a_stop_silences_what_is_heard(
    server: SoundServer, player: tuple[player_pb2_grpc.PlayerServiceAsyncStub, Receiver]
) -> None:
    stub, _ = player
    with recording(server) as made:
        await recorded(made, 0.1)
        chunks = [
            pb.PerformRequest(audio=audio_chunk(first, tone(2.0)[first : first + 2400]))
            for first in range(0, 48_000, 2400)
        ]
        call = stub.Perform(iter([pb.PerformRequest(config=config()), *chunks]))
        async for event in call:
            if event.HasField("position") and event.position.heard_sample_count > RATE // 2:
                break
        answer = await stub.Stop(pb.StopRequest(everything=True))
        rest = [event async for event in call]
        await recorded(made, 0.5)
    (stopped,) = answer.turns
    assert rest[-1].finished.heard_sample_count == stopped.heard_sample_count
    assert stopped.heard_sample_count < RATE
    assert len(loud(made)) / SINK_RATE == pytest.approx(stopped.heard_sample_count / RATE, abs=0.03)


async def test_lips_and_sound_are_together_on_the_recording(server: SoundServer) -> None:
    sync, _ = await measure_sync(server, clicks=20, every=12, probes=12)
    assert len(sync.deviations) >= 16
    assert abs(np.median(sync.deviations)) < 0.01  # 3 ms on a quiet machine; without the latency it would be 50


async def test_a_stop_is_heard_soon_and_without_a_click(server: SoundServer) -> None:
    stops = await measure_barge_in(server, stops=5, latency=0.05, probes=12)
    assert np.median(stops.silent) < 0.05 + 0.03 + 0.02  # the last 20 ms are for a busy machine
    assert np.median(stops.steps) < 1.5  # a cut at the top of the tone is 17 times the largest step of the tone itself


async def test_the_face_outlives_the_sound_server_and_sound_comes_back_with_it(
    server: SoundServer, player: tuple[player_pb2_grpc.PlayerServiceAsyncStub, Receiver]
) -> None:
    stub, unreal = player
    await server.kill()
    status = await status_with(stub, "none")
    assert "has stopped" in status.output.message
    silent = [event async for event in stub.Play(pb.PlayRequest(config=config(), pcm=tone(0.3).tobytes()))]
    assert silent[-1].finished.heard_sample_count == 0
    await server.start()
    status = await status_with(stub, "device")
    assert (status.output.lost_count, status.output.message) == (1, "")
    with recording(server) as made:
        await recorded(made, 0.1)
        events = [event async for event in stub.Play(pb.PlayRequest(config=config(), pcm=tone(1.0).tobytes()))]
        await recorded(made, 0.3)
    assert events[-1].finished.heard_sample_count == RATE
    assert len(loud(made)) == pytest.approx(SINK_RATE, abs=0.03 * SINK_RATE)
    times = unreal.times()
    assert max(later - earlier for earlier, later in itertools.pairwise(times)) < 0.2
    assert len(times) / (times[-1] - times[0]) == pytest.approx(60, abs=1.5)


@pytest.mark.slow
async def test_a_minute_of_turns_stops_and_deaths_of_the_sound_server_leaves_nothing_behind(tmp_path: Path) -> None:
    if lacking := missing():
        pytest.skip(f"{', '.join(lacking)} is not installed ({REMEDY})")
    record = await soak(1, 1, tmp_path)
    assert record.kill_count >= 1
    assert record.ends["finished"] > 20
    assert not record.defects, record.figures
