"""The service of the player over gRPC, with real datagrams."""

from __future__ import annotations

import asyncio

import grpc
import numpy as np
import pytest

from neurosync.v1 import outcome_pb2
from neurosync.v1 import player_pb2 as pb
from services.common.settings import load
from services.common.wire import duration, frame_batch
from services.player.server import PlayerService
from services.player.settings import PlayerSettings
from tests.player.served_player import (
    END,
    HEADER,
    JAW,
    RATE,
    Unreal,
    config,
    frames,
    of,
    performance,
    performed,
    player,
    sound,
    taken,
)
from tests.player.simulation import constant, jaw


async def test_the_idle_face_comes_sixty_times_a_second(unreal: Unreal) -> None:
    async with player(unreal) as (stub, _):
        packets = await unreal.packets(180)
        status = await stub.GetStatus(pb.GetStatusRequest())
    assert {packet["subject"] for packet in packets} == {"NeuroSync"}
    assert len({packet["device"] for packet in packets}) == 1
    numbers = np.array([packet["frame"] + packet["sub_frame"] for packet in packets])
    skipped = status.clock.tick_skipped_count
    assert numbers[-1] - numbers[0] == pytest.approx(179, abs=0.1 + skipped)
    assert (np.diff(numbers) > 0.99).all()
    moving = np.ptp(np.array([packet["values"] for packet in packets]), axis=0) > 0
    assert moving.sum() > 30


async def test_a_curve_arrives_on_consecutive_ticks(unreal: Unreal) -> None:
    curve = 0.2 + 0.6 * np.random.default_rng(1).random(60)
    async with player(unreal) as (stub, _):
        turn = asyncio.create_task(performed(stub, performance(1.0, curve)))
        packets = await unreal.packets(110)
        events = await turn
        skipped = (await stub.GetStatus(pb.GetStatusRequest())).clock.tick_skipped_count
    jaws = {packet["frame"] + packet["sub_frame"]: np.float32(packet["values"][JAW]) for packet in packets}
    begin = next(
        time - frame for time, jaw in jaws.items() for frame in range(6, 60) if jaw == np.float32(curve[frame])
    )
    shown = {round(time - begin): jaw for time, jaw in jaws.items() if 5.5 < time - begin < 59.5}
    assert len(shown) >= 54 - skipped  # the first 100 ms ease out of the idle pose
    assert all(jaw == np.float32(curve[frame]) for frame, jaw in shown.items())
    (finished,) = of(events, "finished")
    assert finished.heard_sample_count == RATE
    assert finished.reason == outcome_pb2.REASON_UNSPECIFIED
    assert 60 - skipped <= finished.counters.frame_shown_count <= 60


async def test_a_stop_answers_what_was_heard_and_ends_the_stream(unreal: Unreal) -> None:
    async with player(unreal) as (stub, _):
        first = config(voice_only=True)
        call = stub.Perform(iter([first, *(sound(number * 2400) for number in range(15))]))
        async for event in call:
            if event.HasField("position"):
                break
        answer = await stub.Stop(pb.StopRequest(turn_id=first.config.turn_id, fade=duration(0.02)))
        rest = [event async for event in call]
        again = await stub.Stop(pb.StopRequest(turn_id=first.config.turn_id))
    (stopped,) = answer.turns
    (finished,) = of(rest, "finished")
    assert finished.reason == outcome_pb2.REASON_STOPPED
    assert finished.outcome == outcome_pb2.TURN_OUTCOME_INTERRUPTED
    assert finished.heard_sample_count == stopped.heard_sample_count
    assert 0 < stopped.heard_sample_count < 15 * 2400
    assert (stopped.subject, stopped.turn_id) == ("NeuroSync", first.config.turn_id)
    assert again.turns == answer.turns


async def test_a_turn_that_was_stopped_before_it_came_is_aborted(unreal: Unreal) -> None:
    async with player(unreal) as (stub, _):
        requests = performance(0.2)
        assert not (await stub.Stop(pb.StopRequest(turn_id=requests[0].config.turn_id))).turns
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await performed(stub, requests)
    assert refused.value.code() == grpc.StatusCode.ABORTED


async def test_an_id_in_use_and_a_busy_character_are_refused(unreal: Unreal) -> None:
    async with player(unreal, max_subjects=1) as (stub, _):
        first = config(voice_only=True)
        call = stub.Perform(iter([first, sound(0)]))
        assert (await taken(call, 1))[0].HasField("accepted")
        codes = []
        for other in (first, config(policy=pb.BUSY_POLICY_REFUSE), config(subject="Bob")):
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await performed(stub, [other])
            codes.append(refused.value.code())
        call.cancel()
    assert codes == [
        grpc.StatusCode.ALREADY_EXISTS,
        grpc.StatusCode.FAILED_PRECONDITION,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
    ]


@pytest.mark.parametrize(
    ("requests", "field"),
    [
        ([], "part"),
        ([sound(0)], "audio"),
        ([config(turn_id="x")], "config.turn_id"),
        ([config(), sound(5)], "audio.first_sample"),
        ([config(), frames(0, [0.5])], "frames"),
        ([config(), HEADER, frames(0, [np.nan])], "frames.weights"),
        ([config(), HEADER, frames(100_000, [0.5])], "frames.first_frame"),
        ([config(), sound(0), END, sound(2400)], "audio"),
    ],
)
async def test_a_bad_request_names_its_field(unreal: Unreal, requests: list[pb.PerformRequest], field: str) -> None:
    async with player(unreal) as (stub, _):
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await performed(stub, requests)
        async with asyncio.timeout(5):  # the turn that had begun ends at the next look of the player
            while (await stub.GetStatus(pb.GetStatusRequest())).subjects[0].queued_turn_count:
                pass
    assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert str(refused.value.details()).startswith(f"{field}: expected ")


@pytest.mark.parametrize(
    "request_",
    [
        pb.StopRequest(),
        pb.StopRequest(turn_id="7"),
        pb.StopRequest(subject=""),
        pb.StopRequest(everything=False),
        pb.StopRequest(everything=True, fade=duration(1.5)),
        pb.StopRequest(everything=True, fade=duration(-0.1)),
    ],
)
async def test_a_stop_without_a_target_is_refused(unreal: Unreal, request_: pb.StopRequest) -> None:
    async with player(unreal) as (stub, _):
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await stub.Stop(request_)
    assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT


async def test_a_whole_turn_in_one_message(unreal: Unreal) -> None:
    curve = np.full(60, 0.6)
    async with player(unreal, max_ahead=0.5) as (stub, _):
        request = pb.PlayRequest(
            config=config().config,
            pcm=constant(RATE).tobytes(),
            frame_header=HEADER.frame_header,
            frames=frame_batch(0, jaw(curve)),
        )
        events = [event async for event in stub.Play(request)]
    (finished,) = of(events, "finished")
    assert finished.heard_sample_count == RATE
    assert finished.counters.frame_shown_count >= 58
    assert of(events, "started")[0].with_frames
    assert not of(events, "notice")


async def test_a_new_character_comes_alive_and_stays(unreal: Unreal) -> None:
    async with player(unreal) as (stub, _):
        await performed(stub, performance(0.1, subject="Bob"))
        packets = await unreal.packets(40)
        status = await stub.GetStatus(pb.GetStatusRequest())
    assert {packet["subject"] for packet in packets[-10:]} == {"NeuroSync", "Bob"}
    assert [(subject.subject, subject.epoch) for subject in status.subjects] == [("NeuroSync", 0), ("Bob", 1)]


async def test_the_status_holds_output_clock_and_targets(unreal: Unreal) -> None:
    async with player(unreal, renderer_offset=-35) as (stub, _):
        await unreal.packets(30)
        status = await stub.GetStatus(pb.GetStatusRequest())
    assert status.clock.renderer_offset.ToNanoseconds() == -35_000_000
    assert (status.output.kind, status.output.sample_rate_hertz) == ("none", 48_000)
    assert status.output.message == "output is set to none"
    assert status.clock.tick_count >= 30
    assert status.clock.heard_sample_count == pytest.approx(
        (status.clock.tick_count + status.clock.tick_skipped_count) * 800, abs=1600
    )
    assert 0 < status.clock.lateness_p50.ToNanoseconds() <= status.clock.lateness_p99.ToNanoseconds()
    (sink,) = status.sinks
    assert (sink.address, sink.failed_count) == (unreal.address, 0)
    assert sink.sent_count == status.clock.tick_count


async def test_closing_the_player_fades_out_and_reports_it(unreal: Unreal) -> None:
    async with player(unreal) as (stub, service):
        call = stub.Perform(iter([config(voice_only=True), *(sound(number * 2400) for number in range(15))]))
        async for event in call:
            if event.HasField("position"):
                break
        await service.close()
        rest = [event async for event in call]
        with pytest.raises(grpc.aio.AioRpcError) as away:
            await stub.GetStatus(pb.GetStatusRequest())
    (finished,) = of(rest, "finished")
    assert finished.reason == outcome_pb2.REASON_SHUTTING_DOWN
    assert finished.outcome == outcome_pb2.TURN_OUTCOME_FAILED
    assert away.value.code() == grpc.StatusCode.UNAVAILABLE


@pytest.mark.parametrize("output", ["No such device", "99"])
async def test_a_named_device_that_is_not_there_fails_with_what_there_is(unreal: Unreal, output: str) -> None:
    service = PlayerService(load(PlayerSettings, output=output, targets=unreal.address))
    with pytest.raises(Exception, match=r"no sound (device|library)"):
        await service.warm_up()
    await service.close()
