"""A take through a player that grants as it likes, ends early or hangs."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

import grpc
import numpy as np
import pytest

from neurosync.v1 import player_pb2, player_pb2_grpc
from services.cli.client.connection import Connection
from services.cli.client.playback import Playback, take_chunks
from services.common.errors import InactiveError, UnavailableError
from services.common.types import Pcm, Weights
from services.common.wire import pcm_of, weights_of
from services.media.curves import CURVE_COUNT
from services.media.takes.take_folder import Take
from services.serving.dialing import dial
from tests.cli.takes import made_take


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


async def test_a_player_that_sends_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.cli.client.perform_call.SILENT_SECONDS", 0.2)
    async with played_by(make_miser(silent=True), made_take(0.2)) as playback:
        with pytest.raises(InactiveError, match=r"the player sent nothing for 0\.2 s"):
            await playback.run(lambda _: None)
