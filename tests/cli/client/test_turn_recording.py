"""A take against what the player really sent: its rows are the datagrams, its sound is in step with them."""

from __future__ import annotations

import asyncio
import os
import socket
import uuid
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from neurosync.v1 import media_pb2, orchestrator_pb2, player_pb2, player_pb2_grpc
from services.cli.client.connection import Connection
from services.cli.client.synchronized_capture import SynchronizedCapture, capturing
from services.cli.client.turn_recording import TakeRecorder
from services.common.settings import load
from services.common.types import Pcm, Weights
from services.common.wire import audio_chunk, frame_batch
from services.media.curves import CURVE_NAMES, INDEX
from services.media.emotions import EMOTION_NAMES
from services.media.takes.take_folder import Take, load_take, write_take
from services.player.server import PlayerService
from services.player.settings import PlayerSettings
from services.serving.dialing import dial
from services.serving.server import running
from tests import livelink_receiver

RATE = 24_000


TICK = RATE // 60


JAW = INDEX["JawOpen"]


CLICKS = (12, 30, 48, 66)  # frames with a click, and a spike of the jaw on the same frame


Event = orchestrator_pb2.ConverseResponse


Send = Callable[[player_pb2.PerformRequest], Any]


def clicking(frames: int = 80) -> tuple[Pcm, Weights]:
    """Return sound with a click and a face with a spike on the frames `CLICKS`; emotions are its last columns."""
    pcm = np.full(frames * TICK, 40, np.int16)  # never zero: a pause is silent, this is not
    weights = np.zeros((frames, 68), np.float32)
    weights[:, 61 + 3] = np.linspace(0, 1, frames)  # Happy
    for frame in CLICKS:
        pcm[frame * TICK : frame * TICK + 20] = 20_000
        weights[frame, JAW] = 0.9
    return pcm, weights


HEADER = media_pb2.FrameHeader(curve_names=[*CURVE_NAMES, *EMOTION_NAMES], frame_rate_hertz=60, source="test")


@dataclass
class Stage:
    """A real player, a socket in the place of Unreal, and all that arrives there."""

    stub: Any
    connection: Connection
    packets: list[dict[str, Any]] = field(default_factory=list)


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


async def performed(
    stage: Stage,
    capture: SynchronizedCapture,
    *,
    pause_at: int | None = None,
    stop_at: int | None = None,
    happy: bool = False,
) -> Take:
    """Perform the clicks as the orchestrator would, and return the take.

    The sound from frame `pause_at` on is sent once the player reports that it has none left; the turn is stopped after
    frame `stop_at` was heard. A `happy` turn sends that emotion at its begin.
    """
    pcm, weights = clicking()
    turn_id = str(uuid.uuid4())
    recorder = TakeRecorder("Click!", capture)
    recorder.add(Event(accepted=orchestrator_pb2.TurnAccepted(turn_id=turn_id)))
    recorder.add(Event(frame_header=HEADER))
    recorder.add(Event(frames=frame_batch(0, weights)))
    recorder.add(Event(audio=audio_chunk(0, pcm)))
    recorder.add(Event(timings=_words()))
    starved, ended = asyncio.Event(), asyncio.Event()

    async def requests() -> AsyncIterator[player_pb2.PerformRequest]:
        config = player_pb2.PerformConfig(turn_id=turn_id, format=media_pb2.AudioFormat(sample_rate_hertz=RATE))
        yield player_pb2.PerformRequest(config=config)
        yield player_pb2.PerformRequest(
            frame_header=media_pb2.FrameHeader(curve_names=CURVE_NAMES, frame_rate_hertz=60)
        )
        yield player_pb2.PerformRequest(frames=frame_batch(0, weights[:, :61]))
        if happy:
            key = media_pb2.EmotionWeight(emotion=media_pb2.EMOTION_HAPPY, weight=1)
            yield player_pb2.PerformRequest(emotion=media_pb2.EmotionKey(at_sample=0, weights=[key]))
        first = len(pcm) if pause_at is None else pause_at * TICK + 123
        yield player_pb2.PerformRequest(audio=audio_chunk(0, pcm[:first]))
        if first < len(pcm):
            await starved.wait()
            yield player_pb2.PerformRequest(audio=audio_chunk(first, pcm[first:]))
        yield player_pb2.PerformRequest(end=player_pb2.PerformEnd())

    async for event in stage.stub.Perform(requests()):
        match event.WhichOneof("event"):
            case "notice":
                recorder.add(Event(notice=orchestrator_pb2.TurnNotice(message=event.notice.message)))
            case "position":
                if event.position.starved and len(stage.packets) and not starved.is_set():
                    starved.set()
                if stop_at and event.position.heard_sample_count > stop_at * TICK and not ended.is_set():
                    ended.set()
                    await stage.stub.Stop(player_pb2.StopRequest(turn_id=turn_id))
            case "finished":
                finished = event.finished
    return await recorder.take(
        orchestrator_pb2.TurnFinished(
            heard_sample_count=finished.heard_sample_count,
            outcome=finished.outcome,
            sample_rate_hertz=RATE,
            text="click click click click",
        )
    )


def _words() -> orchestrator_pb2.SentenceTimings:
    words = [
        media_pb2.WordTiming(
            word="click", start_char=6 * k, end_char=6 * k + 5, start_sample=frame * TICK, end_sample=frame * TICK + 20
        )
        for k, frame in enumerate(CLICKS)
    ]
    return orchestrator_pb2.SentenceTimings(end_sample=80 * TICK, timings=media_pb2.Timings(words=words))


def assert_rows_are_the_datagrams(take: Take, packets: list[dict[str, Any]]) -> list[int]:
    """Find each row of a take among the datagrams by its timecode, and compare every value.

    A busy machine may skip a tick: then nothing was sent, and the row is the one before it. Such rows are returned.
    """
    assert take.times is not None
    sent = {
        round(1000 * (packet["frame"] + packet["sub_frame"])): packet["values"]
        for packet in packets
        if packet["subject"] == "NeuroSync"
    }
    times = [round(60_000 * time) for time in take.times]
    missing = [row for row, time in enumerate(times) if time not in sent]
    assert len(missing) == take.info.counters["tick_missed_count"] < 0.1 * len(times)
    for row, time in enumerate(times):
        expected = take.weights[row - 1] if row in missing else np.array(sent[time], np.float32)
        np.testing.assert_array_equal(take.weights[row], expected)
    return missing


def clicks_in(take: Take) -> list[tuple[float, int]]:
    """Return each click of a take: where it is heard, in frames, and the row of the spike next to it."""
    loud = np.flatnonzero(np.abs(take.pcm.astype(int)) > 10_000)
    starts = loud[np.flatnonzero(np.diff(loud, prepend=-1000) > 100)]
    spikes = np.flatnonzero(take.weights[:, JAW] > 0.4)
    return [(start / TICK, int(spikes[np.argmin(np.abs(spikes - start / TICK))])) for start in starts]


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
