"""`neurosync replay` against the real player, paced by its clock, and against one that grants as it likes."""

from __future__ import annotations

import asyncio
import signal
import socket
import sys
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import grpc
import numpy as np
import pytest
import soundfile

from neurosync.v1 import player_pb2, player_pb2_grpc
from services.cli.client.connection import Connection
from services.cli.client.playback import Playback, take_chunks
from services.common.errors import InactiveError, UnavailableError
from services.common.settings import load
from services.common.types import Pcm, Weights
from services.common.wire import pcm_of, weights_of
from services.media.curves import CURVE_COUNT, INDEX
from services.media.formats.frames_csv import write_csv
from services.media.frames import Frames, frame_count
from services.media.livelink import decode
from services.media.sound_file import read_sound
from services.media.takes.take_folder import Take, write_take
from services.media.takes.take_info import TakeInfo
from services.player.server import PlayerService
from services.player.settings import PlayerSettings
from services.serving.dialing import dial
from services.serving.server import running
from tests.cli.conftest import Run, Start

JAW = INDEX["JawOpen"]
WIDE = 0.83  # of JawOpen in every frame of the takes here; idle life never opens the jaw like that


def made_take(seconds: float, rate: int = 24_000, *, emotions: bool = False) -> Take:
    pcm = (8000 * np.sin(2 * np.pi * 440 * np.arange(round(seconds * rate)) / rate)).astype(np.int16)
    weights = np.zeros((frame_count(len(pcm), rate), CURVE_COUNT), np.float32)
    weights[:, JAW] = WIDE
    strengths = np.zeros((len(weights), 7), np.float32) if emotions else None
    if strengths is not None:
        strengths[len(weights) // 2 :, 3] = 0.8
    return Take(TakeInfo(rate), pcm, weights, strengths)


@pytest.fixture
def unreal() -> Iterator[socket.socket]:
    """A socket in the place of Unreal."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        receiver.setblocking(False)
        yield receiver


@pytest.fixture
async def player(unreal: socket.socket) -> AsyncIterator[dict[str, str]]:
    """A running player without a sound device, as the variables that lead the command to it."""
    port = unreal.getsockname()[1]
    settings = load(PlayerSettings, listen="127.0.0.1:0", output="none", targets=f"127.0.0.1:{port}")
    async with running(PlayerService(settings), settings) as server:
        await server.warm
        yield {"NEUROSYNC_CLIENT_PLAYER": server.address}


async def jaws(unreal: socket.socket, until: float) -> list[float]:
    """Return JawOpen of what arrives, up to the first value of `until` or more."""
    loop, values = asyncio.get_running_loop(), [0.0]
    async with asyncio.timeout(30):
        while values[-1] < until:
            values.append(float(decode(await loop.sock_recv(unreal, 2048)).values[JAW]))
    return values


async def test_a_take_is_performed_to_its_end(
    player: dict[str, str], unreal: socket.socket, neurosync: Run, place: Path
) -> None:
    write_take(place / "take", made_take(0.5, emotions=True))
    seen = asyncio.create_task(jaws(unreal, 0.8 * WIDE))
    result = await neurosync("replay", "take", "--json", **player)
    assert result.status == 0, result.err
    assert await seen  # the face moved in Unreal
    table = result.json
    assert table["outcome"] == "completed"
    assert (table["seconds"], table["heard_seconds"]) == (0.5, 0.5)
    assert table["frame_shown_count"] + table["frame_late_count"] == 30
    assert "sound: none, so nothing will be heard" in result.err
    assert f"face: Live Link to 127.0.0.1:{unreal.getsockname()[1]}" in result.err


async def test_a_take_is_heard_on_the_output_of_its_subject(neurosync: Run, place: Path) -> None:
    write_take(place / "take", take := made_take(0.5))
    heard = place / "bob.wav"
    outputs = {"Bob": f"file:{heard}"}
    settings = load(PlayerSettings, listen="127.0.0.1:0", output="none", outputs=outputs, targets="127.0.0.1:9")
    async with running(PlayerService(settings), settings) as server:
        await server.warm
        result = await neurosync("replay", "take", "--subject", "Bob", NEUROSYNC_CLIENT_PLAYER=server.address)
    assert result.status == 0, result.err
    assert "sound: none, so nothing will be heard (output is set to none)" in result.err
    assert f"sound of Bob: into {heard}, so nothing will be heard" in result.err
    written = read_sound(heard)
    assert np.abs(written.pcm).max() > 0.9 * np.abs(take.pcm).max()
    assert np.count_nonzero(written.pcm) / written.sample_rate == pytest.approx(0.5, abs=0.1)


async def test_frames_without_sound_are_performed_in_silence(
    player: dict[str, str], neurosync: Run, place: Path
) -> None:
    write_csv(place / "MySlate_1_iPhone.csv", Frames(made_take(0.3).weights))
    result = await neurosync("replay", "MySlate_1_iPhone.csv", "--subject", "Ada", **player)
    assert result.status == 0, result.err
    assert "played in silence" in result.err
    assert "completed: heard 0.30 of 0.30 s" in result.out
    assert "ran out of sound 0 times" in result.out


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C reaches a process alone only on POSIX")
async def test_ctrl_c_silences_the_take_and_tells_how_much_was_heard(
    player: dict[str, str], unreal: socket.socket, start: Start, place: Path
) -> None:
    write_take(place / "take", made_take(30))
    command = await start("replay", "take", **player)
    await command.told("replaying take: 30.0 s of sound, 1800 frames")
    await jaws(unreal, 0.8 * WIDE)
    command.process.send_signal(signal.SIGINT)
    result = await command.end()
    assert result.status == 130
    assert result.out.startswith("interrupted: heard ")
    assert 0 < float(result.out.split()[2]) < 29
    assert "Traceback" not in result.err


async def test_what_is_no_take_is_told_in_one_line(player: dict[str, str], neurosync: Run, place: Path) -> None:
    (place / "folder").mkdir()
    result = await neurosync("replay", "folder", **player)
    assert result.status == 2
    assert result.err == "error: folder: expected one Live Link Face CSV file (name the file itself), got " + (
        "'no CSV file of curves'\n"
    )
    assert (await neurosync("replay", "nowhere", **player)).status == 2


@pytest.mark.parametrize(("seconds", "rate"), [(0.95, 24_000), (0.333, 44_100), (0.1001, 22_050), (0.001, 8_000)])
def test_the_chunks_of_a_take_are_the_whole_take_in_order(seconds: float, rate: int) -> None:
    take = made_take(seconds, rate)
    pcm: list[Pcm] = []
    frames: list[Weights] = []
    ends = [0]
    for first_sample, messages in take_chunks(take):
        assert first_sample >= ends[-1] - 1
        for message in messages:
            if message.HasField("audio"):
                assert message.audio.first_sample == first_sample == ends[-1]
                pcm.append(pcm_of(message.audio, ends[-1]))
                ends.append(ends[-1] + len(pcm[-1]))
            else:
                assert message.frames.first_frame == len(frames)
                frames.extend(weights_of(message.frames, CURVE_COUNT))
    np.testing.assert_array_equal(np.concatenate(pcm), take.pcm)
    np.testing.assert_array_equal(frames, take.weights)


def test_emotions_are_sent_where_they_change() -> None:
    take = made_take(1.0, emotions=True)
    keys = [message.emotion for _, messages in take_chunks(take) for message in messages if message.HasField("emotion")]
    assert [key.at_sample for key in keys] == [0, 12_000]
    assert [[(item.emotion, round(item.weight, 3)) for item in key.weights] for key in keys] == [[], [(4, 0.8)]]


def test_emotions_that_are_in_the_curves_already_are_not_sent_again() -> None:
    take = made_take(1.0, emotions=True)
    sent = replace(take, info=replace(take.info, recorded="sent"))
    assert not [message for _, messages in take_chunks(sent) for message in messages if message.HasField("emotion")]


async def test_sound_of_other_formats_is_played(player: dict[str, str], neurosync: Run, place: Path) -> None:
    write_csv(place / "capture.csv", Frames(made_take(0.3).weights))
    soundfile.write(place / "voice.flac", made_take(0.3).pcm, 24_000)
    result = await neurosync("replay", "capture.csv", "--audio", "voice.flac", "--json", **player)
    assert result.status == 0, result.err
    assert result.json["heard_seconds"] == 0.3
    assert "silence" not in result.err


@dataclass
class _Miser(player_pb2_grpc.PlayerServiceServicer):
    """Grants 200 ms more each time all that was granted has come, and counts what came too early."""

    reports_end: bool = True
    silent: bool = False
    granted: int = 0
    heard: int = 0
    too_early: int = 0

    async def Perform(self, requests, _context):  # type: ignore[no-untyped-def]
        async for request in requests:
            match request.WhichOneof("part"):
                case "config" if self.silent:
                    await asyncio.Event().wait()
                case "config":
                    self.granted = request.config.format.sample_rate_hertz // 5
                    accepted = player_pb2.PerformAccepted(epoch=1, granted_sample=self.granted)
                    yield player_pb2.PerformResponse(accepted=accepted)
                case "audio":
                    self.too_early += request.audio.first_sample >= self.granted
                    self.heard += len(request.audio.pcm) // 2
                case "frames":
                    self.too_early += request.frames.first_frame * 400 >= self.granted
                case "end":
                    break
            if 0 < self.granted <= self.heard:
                self.granted += 4800
                position = player_pb2.PerformPosition(heard_sample_count=self.heard, granted_sample=self.granted)
                yield player_pb2.PerformResponse(position=position)
        if self.reports_end:
            finished = player_pb2.PerformFinished(heard_sample_count=self.heard, reason=1)  # type: ignore[arg-type]
            yield player_pb2.PerformResponse(finished=finished)


def make_miser(**how: bool) -> _Miser:
    return _Miser(**how)  # type: ignore[abstract]


@asynccontextmanager
async def played_by(miser: _Miser, take: Take) -> AsyncIterator[Playback]:
    server = grpc.aio.server()
    player_pb2_grpc.add_PlayerServiceServicer_to_server(miser, server)  # type: ignore[no-untyped-call,unused-ignore]
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with dial(f"127.0.0.1:{port}") as channel:
        yield Playback(Connection(channel, (), "", own=False), take, turn_id=str(uuid.uuid4()))
    await server.stop(0)


async def test_nothing_is_sent_before_the_player_grants_it() -> None:
    miser, take = make_miser(), made_take(2.05)
    async with played_by(miser, take) as playback:
        finished = await playback.run(lambda _: None)
    assert finished.heard_sample_count == len(take.pcm)
    assert miser.too_early == 0


async def test_a_player_that_ends_the_stream_without_a_report_is_an_error() -> None:
    async with played_by(make_miser(reports_end=False), made_take(0.2)) as playback:
        with pytest.raises(UnavailableError, match="before it reported the end of the turn"):
            await playback.run(lambda _: None)


async def test_a_player_that_says_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.cli.client.performance.SILENT_SECONDS", 0.2)
    async with played_by(make_miser(silent=True), made_take(0.2)) as playback:
        with pytest.raises(InactiveError, match=r"the player sent nothing for 0\.2 s"):
            await playback.run(lambda _: None)
