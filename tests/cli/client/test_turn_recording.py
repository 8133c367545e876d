"""Recorded takes against the datagrams of a real player: the rows are the same, and the sound is in step with them."""

from __future__ import annotations

import asyncio
import os
import socket
import uuid
from collections.abc import AsyncIterator
from typing import Any

import numpy as np
import pytest

from neurosync.v1 import media_pb2, orchestrator_pb2, player_pb2, player_pb2_grpc
from services.cli.client.connection import Connection
from services.cli.client.synchronized_capture import capturing
from services.cli.client.turn_recording import TakeRecorder
from services.common.settings import load
from services.common.wire import audio_chunk, frame_batch
from services.media.curves import INDEX
from services.media.emotions import EMOTION_NAMES
from services.media.takes.take_folder import load_take, write_take
from services.player.server import PlayerService
from services.player.settings import PlayerSettings
from services.serving.dialing import dial
from services.serving.server import running
from tests import livelink_receiver
from tests.cli.client.clicking_turn import (
    CLICKS,
    HEADER,
    RATE,
    TICK,
    Event,
    Stage,
    assert_rows_are_the_datagrams,
    clicking,
    clicks_in,
    performed,
)


@pytest.fixture
async def stage(request: pytest.FixtureRequest) -> AsyncIterator[Stage]:
    """Yield a player; what a test's parameters name `stage` are further settings of it."""
    further = getattr(request, "param", {})
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as unreal:
        unreal.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        unreal.bind(("127.0.0.1", 0))
        unreal.setblocking(False)
        port = unreal.getsockname()[1]
        settings = load(PlayerSettings, listen="127.0.0.1:0", output="none", targets=f"127.0.0.1:{port}", **further)
        async with running(PlayerService(settings), settings) as server:
            await server.warm
            async with dial(server.address) as channel:
                made = Stage(
                    player_pb2_grpc.PlayerServiceStub(channel), Connection(channel, (), server.address, own=False)
                )
                listening = asyncio.create_task(_listen(unreal, made.packets))
                yield made
                listening.cancel()


async def _listen(unreal: socket.socket, packets: list[dict[str, Any]]) -> None:
    while True:
        packets.append(livelink_receiver.decode(await asyncio.get_running_loop().sock_recv(unreal, 2048)))


OWN_OUTPUT = {"subjects": "NeuroSync,Ada", "outputs": {"NeuroSync": f"file:{os.devnull}"}}


@pytest.mark.parametrize("stage", [{}, OWN_OUTPUT], ids=["alone", "with an output of its own"], indirect=True)
async def test_rows_are_the_datagrams_and_clicks_lie_on_their_spikes(stage: Stage) -> None:
    async with capturing(stage.connection, "", print) as capture:
        assert capture is not None
        take = await performed(stage, capture)
    assert take.info.recorded == "sent"
    assert (len(take.weights), len(take.pcm)) == (80, 80 * TICK)
    missing = assert_rows_are_the_datagrams(take, stage.packets)
    assert [heard for heard, _ in clicks_in(take)] == list(CLICKS)
    assert all(abs(heard - row) <= 1 for heard, row in clicks_in(take))
    assert take.weights[:, INDEX["HeadYaw"]].any()  # the life of the face, which no client sent
    assert take.emotions is not None
    happy = np.delete(take.emotions[:, 3], missing)
    np.testing.assert_allclose(happy, np.delete(np.linspace(0, 1, 80), missing), atol=1e-4)


async def test_a_pause_is_in_the_take_and_everything_after_it_stays_in_step(stage: Stage, tmp_path: Any) -> None:
    async with capturing(stage.connection, "NeuroSync", print) as capture:
        assert capture is not None
        take = await performed(stage, capture, pause_at=40)
    (pause,) = [event for event in take.info.events if event.kind == "pause"]
    assert (
        39 * TICK < pause.start_sample <= 40 * TICK + 123
    )  # the device's rate is another: some samples are on the way
    assert not take.pcm[pause.start_sample : pause.end_sample].any()
    assert pause.end_sample - pause.start_sample > TICK
    assert_rows_are_the_datagrams(take, stage.packets)
    clicks = clicks_in(take)
    assert len(clicks) == 4
    assert all(abs(heard - row) <= 1 for heard, row in clicks)
    words = [word.start_sample for word in take.info.words]
    assert words[:2] == [CLICKS[0] * TICK, CLICKS[1] * TICK]
    assert [round(word / TICK) for word in words] == [round(heard) for heard, _ in clicks]
    assert sorted(event.kind for event in take.info.events if event.kind != "missed") == ["notice", "pause"]
    back = load_take(write_take(tmp_path / "take", take))
    assert back.info == take.info
    assert back.times is not None and take.times is not None
    np.testing.assert_allclose(back.times, take.times, atol=1e-4)
    np.testing.assert_allclose(back.weights, take.weights, atol=1e-9)


async def test_a_take_holds_the_emotions_that_the_face_showed(stage: Stage) -> None:
    async with capturing(stage.connection, "", print) as capture:
        assert capture is not None
        take = await performed(stage, capture, happy=True)
    assert_rows_are_the_datagrams(take, stage.packets)
    assert take.emotions is not None
    happy = take.emotions[:, EMOTION_NAMES.index("Happy")]
    assert happy[0] < 0.2  # it rises with the player's attack, whatever the face model made
    assert happy.max() > 0.6
    assert (np.diff(happy[:40]) >= 0).all()
    assert np.corrcoef(happy, take.weights[:, INDEX["MouthSmileLeft"]])[0, 1] > 0.9


async def test_an_interrupted_take_ends_where_the_sound_did(stage: Stage) -> None:
    async with capturing(stage.connection, "", print) as capture:
        assert capture is not None
        take = await performed(stage, capture, stop_at=35)
    assert take.info.interrupted
    assert 35 < len(take.weights) < 60
    assert len(take.weights) == -(-len(take.pcm) // TICK)
    assert_rows_are_the_datagrams(take, stage.packets)
    assert [heard for heard, _ in clicks_in(take)] == [12, 30]
    assert np.abs(take.pcm[-3:]).max() < 10  # faded, not cut
    assert [event.kind for event in take.info.events if event.kind != "missed"] == ["interrupted"]


async def test_a_player_that_cannot_be_watched_leaves_a_take_as_it_was_made() -> None:
    notices: list[str] = []
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    async with (
        dial(address) as channel,
        capturing(Connection(channel, (), address, own=False), "", notices.append) as none,
    ):
        assert none is None
    (line,) = notices
    assert "not as it was sent" in line
    assert address in line
    pcm, weights = clicking()
    recorder = TakeRecorder(None, none)
    for event in (Event(frame_header=HEADER), Event(frames=frame_batch(0, weights)), Event(audio=audio_chunk(0, pcm))):
        recorder.add(event)
    take = await recorder.take(orchestrator_pb2.TurnFinished(heard_sample_count=len(pcm), sample_rate_hertz=RATE))
    assert take.info.recorded == "made"
    np.testing.assert_array_equal(take.pcm, pcm)
    np.testing.assert_allclose(take.weights, weights[:, :61])
    assert take.emotions is not None


async def test_turns_of_others_are_no_part_of_a_take(stage: Stage) -> None:
    async with capturing(stage.connection, "", print) as capture:
        assert capture is not None
        async with asyncio.TaskGroup() as group:
            other = group.create_task(_other_turn(stage))
            take = await performed(stage, capture)
    await other
    assert len(take.weights) == 80
    assert_rows_are_the_datagrams(take, [packet for packet in stage.packets if packet["subject"] == "NeuroSync"])


async def _other_turn(stage: Stage) -> None:
    config = player_pb2.PerformConfig(
        turn_id=str(uuid.uuid4()), subject="Bob", format=media_pb2.AudioFormat(sample_rate_hertz=RATE), voice_only=True
    )
    async for _ in stage.stub.Play(player_pb2.PlayRequest(config=config, pcm=np.full(RATE, 500, "<i2").tobytes())):
        pass
