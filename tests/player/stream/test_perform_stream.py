"""`Perform` streams: their events, flow control, and senders that vanish or fall silent."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator

import grpc
import numpy as np
import pytest

from neurosync.v1 import outcome_pb2
from neurosync.v1 import player_pb2 as pb
from tests.player.served_player import END, JAW, RATE, Unreal, config, of, performance, performed, player, sound, taken


async def test_a_turn_reports_accepted_started_positions_and_finished(unreal: Unreal) -> None:
    async with player(unreal, max_ahead=1.0) as (stub, _):
        events = await performed(stub, performance(1.0, np.full(60, 0.5)))
    kinds = [event.WhichOneof("event") for event in events]
    assert kinds[:2] == ["accepted", "started"]
    assert kinds[-1] == "finished"
    assert 8 <= kinds.count("position") <= 11
    (accepted,) = of(events, "accepted")
    assert (accepted.epoch, accepted.granted_sample, accepted.max_ahead_sample_count) == (1, RATE, RATE)
    (started,) = of(events, "started")
    assert started.with_frames
    assert abs(started.heard_at.ToNanoseconds() / 1e9 - time.time()) < 5
    assert 0 <= started.since_audio.ToSeconds() <= started.since_config.ToSeconds() < 1


async def test_a_sender_that_runs_ahead_is_read_only_as_far_as_is_granted(unreal: Unreal) -> None:
    pulled: list[int] = []

    def requests() -> Iterator[pb.PerformRequest]:
        yield config(voice_only=True)
        for number in range(30):
            pulled.append(number)
            yield sound(number * 24_000, 24_000)

    async with player(unreal, max_ahead=0.5) as (stub, service):
        call = stub.Perform(requests())
        async for event in call:
            if event.HasField("position") and event.position.heard_sample_count > RATE // 2:
                break
        (turn,) = service._sound_outputs.of("NeuroSync").performer.turns()
        assert turn.track.received <= event.position.granted_sample + RATE
        assert turn.track.received < 30 * 24_000
        call.cancel()


async def test_a_sender_that_vanishes_is_played_to_the_end(unreal: Unreal) -> None:
    curve = np.full(30, 0.5)
    async with player(unreal) as (stub, _):
        call = stub.Perform(iter(performance(0.5, curve)[:-1]))
        async for event in call:
            if event.HasField("position"):  # a tenth of a second has been heard: all the rest has come
                break
        call.cancel()
        shown = 0
        async with asyncio.timeout(10):  # datagrams from before the turn come first
            while shown < 20:
                shown += sum(packet["values"][JAW] == np.float32(0.5) for packet in await unreal.packets(10))
            while (await stub.GetStatus(pb.GetStatusRequest())).subjects[0].turn_id:
                await unreal.packets(1)


async def test_a_stream_that_ends_without_end_is_played_and_has_lost_its_sender(unreal: Unreal) -> None:
    async with player(unreal) as (stub, _):
        events = await performed(stub, performance(0.3)[:-1])
    (finished,) = of(events, "finished")
    assert finished.reason == outcome_pb2.REASON_SENDER_LOST
    assert finished.heard_sample_count == 7200


async def test_a_silent_sender_is_given_up_once_nothing_is_left_to_play(unreal: Unreal) -> None:
    silent = asyncio.Event()

    async def requests() -> AsyncIterator[pb.PerformRequest]:
        yield config(voice_only=True)
        for number in range(5):
            yield sound(number * 2400)
        await silent.wait()

    async with player(unreal, inactivity=0.2) as (stub, _):
        call = stub.Perform(requests())
        events = []
        with pytest.raises(grpc.aio.AioRpcError) as given_up:
            async for event in call:
                events.append(event)  # noqa: PERF401 - what came before the error counts
        silent.set()
    assert given_up.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED
    (finished,) = of(events, "finished")
    assert finished.reason == outcome_pb2.REASON_SENDER_LOST
    assert finished.heard_sample_count == 12_000


async def test_a_sender_without_a_config_is_given_up(unreal: Unreal) -> None:
    silent = asyncio.Event()

    async def requests() -> AsyncIterator[pb.PerformRequest]:
        await silent.wait()
        yield END

    async with player(unreal, inactivity=0.1) as (stub, _):
        with pytest.raises(grpc.aio.AioRpcError) as given_up:
            await taken(stub.Perform(requests()), 1)
        silent.set()
    assert given_up.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED
