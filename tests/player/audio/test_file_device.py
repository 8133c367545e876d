"""Sound into a WAV file, sample by sample, whatever ends the player."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
import pytest

from bench.player_process import player_process
from neurosync.v1 import media_pb2 as media
from neurosync.v1 import player_pb2 as pb
from neurosync.v1 import player_pb2_grpc
from services.common.errors import UnavailableError
from services.media.sound_file import read_sound
from services.player.audio.file_device import FileDevice
from services.player.audio.open_device import open_device
from services.player.audio.ring_buffer import RingBuffer
from services.serving.dialing import dial

RATE = 48_000


def ramp_buffer() -> tuple[RingBuffer, np.ndarray[tuple[int], np.dtype[np.int16]]]:
    buffer = RingBuffer(RATE)
    sound = np.arange(RATE, dtype=np.int32).astype(np.int16)
    buffer.write(0, sound)
    return buffer, sound


def test_a_file_holds_what_would_be_heard_to_the_last_sample(tmp_path: Path) -> None:
    output = FileDevice(tmp_path / "heard.wav", RATE, origin=100.0)
    buffer, sound = ramp_buffer()
    output.start(buffer)
    for now in np.arange(100.0, 100.73, 0.011):
        taken = output.update(float(now))
    output.close()
    heard = read_sound(tmp_path / "heard.wav")
    assert heard.sample_rate == RATE
    assert len(heard.pcm) == taken
    assert np.array_equal(heard.pcm, sound[:taken])


def test_a_file_is_as_loud_as_it_is_set(tmp_path: Path) -> None:
    output = FileDevice(tmp_path / "heard.wav", RATE, origin=0.0, volume=0.5)
    buffer = RingBuffer(RATE)
    buffer.write(0, np.full(RATE, 10_000, np.int16))
    output.start(buffer)
    output.update(0.5)
    output.close()
    assert set(read_sound(tmp_path / "heard.wav").pcm.tolist()) == {5_000}


def test_a_file_that_cannot_be_written_is_refused_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match="cannot write"):
        open_device(f"file:{tmp_path}/none/heard.wav", sample_rate=0, latency=0.05)


@pytest.mark.parametrize("ending", ["terminate", "kill"])
async def test_a_file_is_whole_whatever_ends_the_player(tmp_path: Path, ending: str) -> None:
    path = tmp_path / "heard.wav"
    sound = np.full(RATE // 2, 9_000, np.int16)
    config = pb.PerformConfig(
        turn_id="3f1d4c62-8a59-4a8e-9a0c-6f7f0b6f2f11",
        format=media.AudioFormat(sample_rate_hertz=RATE),
        voice_only=True,
    )
    async with player_process(output=f"file:{path}", targets="127.0.0.1:9") as player, dial(player.address) as channel:
        stub = player_pb2_grpc.PlayerServiceStub(channel)
        assert (await stub.GetStatus(pb.GetStatusRequest())).output.kind == "file"
        events = [event async for event in stub.Play(pb.PlayRequest(config=config, pcm=sound.tobytes()))]
        assert events[-1].finished.heard_sample_count == len(sound)
        if ending == "kill":
            async with asyncio.timeout(10):
                while np.count_nonzero(read_sound(path).pcm) < len(sound):  # noqa: ASYNC110 - another process writes
                    await asyncio.sleep(0)  # the last block is written within a tenth of a second
            player.kill()
    heard = read_sound(path).pcm
    assert np.array_equal(heard[heard != 0], sound)
