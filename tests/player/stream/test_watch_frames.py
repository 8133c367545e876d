"""Frames for previews and monitors."""

from __future__ import annotations

import asyncio
import uuid

import grpc
import numpy as np
import pytest

from neurosync.v1 import player_pb2 as pb
from services.media.curves import CURVE_NAMES
from tests.player.served_player import RATE, Unreal, performance, performed, player, taken


async def test_watchers_see_what_is_sent(unreal: Unreal) -> None:
    async with player(unreal, max_watchers=1) as (stub, _):
        watch = stub.WatchFrames(pb.WatchFramesRequest(subject="NeuroSync"))
        opening = await taken(watch, 3)
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await taken(stub.WatchFrames(pb.WatchFramesRequest()), 1)
        turn = asyncio.create_task(performed(stub, performance(0.5, np.full(30, 0.5), turn_id=str(uuid.UUID(int=5)))))
        shown = [*opening[1:], *await taken(watch, 58)]
        await turn
        packets = await unreal.packets(55)
        watch.cancel()
    assert refused.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    header, watched = opening[0].header, [event.frame for event in shown]
    assert (list(header.curve_names), header.frame_rate_hertz) == (list(CURVE_NAMES), 60)
    by_code = {frame.timecode_frame: list(frame.values) for frame in watched}
    common = [packet for packet in packets if packet["frame"] in by_code]
    assert len(common) >= 50
    assert all(list(packet["values"]) == by_code[packet["frame"]] for packet in common)
    fractions = {frame.timecode_frame: frame.timecode_sub_frame for frame in watched}
    assert all(packet["sub_frame"] == fractions[packet["frame"]] for packet in common)
    spoken = [frame for frame in watched if frame.turn_frame >= 0]
    assert len({frame.tick - frame.turn_frame for frame in spoken}) == 1
    assert all(frame.turn_sample == frame.turn_frame * RATE // 60 for frame in spoken)  # no pause: sound as face
    assert {frame.turn_sample for frame in watched if not frame.turn_id} == {0}
    assert len(spoken) == pytest.approx(30, abs=2)  # a busy machine may skip a tick
    assert {frame.turn_id for frame in watched} == {"", str(uuid.UUID(int=5))}
    assert all(frame.lost_frame_count == 0 for frame in watched)
