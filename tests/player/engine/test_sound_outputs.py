"""Characters with outputs of their own: gRPC over loopback, real files, real datagrams, simulated devices."""

from __future__ import annotations

import asyncio
import os
from collections import defaultdict
from pathlib import Path

import grpc
import numpy as np
import pytest

from bench.receiver import Receiver
from neurosync.v1 import outcome_pb2
from neurosync.v1 import player_pb2 as pb
from services.media.curves import INDEX
from services.media.livelink import decode
from services.media.sound_file import read_sound
from tests.player.many_outputs import ADA, BOB, RATE, Devices, begun, last_word, performed, player, status_of, turn

BUSY_SECONDS = 0.25  # that a machine which does other work may hold a face up


def is_whole(heard: dict[int, int], level: int, count: int) -> bool:
    """Return whether a voice of `count` samples was heard, and no other; a busy machine may render some too late."""
    return set(heard) == {level} and 0.9 * count < heard[level] <= count


def levels(pcm: np.ndarray[tuple[int, ...], np.dtype[np.int16]]) -> dict[int, int]:
    values, counts = np.unique(pcm[pcm != 0], return_counts=True)
    return dict(zip(values.tolist(), counts.tolist(), strict=True))


def sent_to(unreal: Receiver) -> dict[str, list[tuple[float, float]]]:
    """Return, for each subject, when its frames came and how far the jaw was open."""
    faces = defaultdict(list)
    for at, _, data in unreal.arrivals:
        seen = decode(data)
        faces[seen.subject].append((at, float(seen.values[INDEX["JawOpen"]])))
    return faces


def is_even(face: list[tuple[float, float]]) -> bool:
    """Return whether frames came 60 times a second, without a gap that a busy machine does not explain."""
    times = np.array([at for at, _ in face])
    rate = (len(times) - 1) / (times[-1] - times[0])
    return bool(abs(rate - 60) < 2 and np.diff(times).max() < BUSY_SECONDS)


async def test_each_voice_is_in_its_own_file_and_not_in_the_other(unreal: Receiver, tmp_path: Path) -> None:
    files = {"Ada": tmp_path / "ada.wav", "Bob": tmp_path / "bob.wav"}
    async with player(unreal, output=f"file:{files['Ada']}", outputs={"Bob": f"file:{files['Bob']}"}) as stub:
        ada = stub.Perform(iter(turn("Ada", ADA)))
        bob = stub.Perform(iter(turn("Bob", BOB)))
        await asyncio.gather(begun(ada), begun(bob))
        together = await status_of(stub)
        finished = await asyncio.gather(last_word(ada), last_word(bob))
    assert all(subject.turn_id for subject in together.subjects)
    assert [last.heard_sample_count for last in finished] == [RATE, RATE]
    for name, level in (("Ada", ADA), ("Bob", BOB)):
        assert is_whole(levels(read_sound(files[name]).pcm), level, RATE)
    faces = sent_to(unreal)
    assert set(faces) == {"Ada", "Bob"}
    assert all(is_even(face) for face in faces.values())
    for name, level in (("Ada", ADA), ("Bob", BOB)):
        assert sum(opened == np.float32(level / 10_000) for _, opened in faces[name]) > 40  # of 60; blending takes some


async def test_a_stop_silences_whom_it_names(unreal: Receiver) -> None:
    devices = Devices("main", "Bob's")
    async with player(unreal, devices, output="main", outputs={"Bob": "Bob's"}) as stub:
        ada = stub.Perform(iter(turn("Ada", ADA)))
        bob = stub.Perform(iter(turn("Bob", BOB, 3.0)))
        await asyncio.gather(begun(ada), begun(bob))
        stopped = await stub.Stop(pb.StopRequest(subject="Bob"))
        ends = [await last_word(ada), await last_word(bob)]
        again = turn("Bob", BOB, 3.0)
        bob = stub.Perform(iter(again))
        await begun(bob)
        by_id = await stub.Stop(pb.StopRequest(turn_id=again[0].config.turn_id))
        ends.append(await last_word(bob))
    assert [last.reason for last in ends] == [
        outcome_pb2.REASON_UNSPECIFIED,
        outcome_pb2.REASON_STOPPED,
        outcome_pb2.REASON_STOPPED,
    ]
    assert ends[0].heard_sample_count == RATE
    for answer, last in ((stopped, ends[1]), (by_id, ends[2])):
        assert [(one.subject, one.heard_sample_count) for one in answer.turns] == [("Bob", last.heard_sample_count)]
        assert last.heard_sample_count < 3 * RATE
    assert is_whole(devices["main"].heard, ADA, RATE)


async def test_a_stop_of_everything_silences_all_outputs(unreal: Receiver) -> None:
    devices = Devices("main", "Bob's")
    async with player(unreal, devices, output="main", outputs={"Bob": "Bob's"}) as stub:
        calls = [stub.Perform(iter(turn(name, ADA, 3.0))) for name in ("Ada", "Bob")]
        await asyncio.gather(*map(begun, calls))
        answer = await stub.Stop(pb.StopRequest(everything=True))
        ends = await asyncio.gather(*map(last_word, calls))
    assert {one.subject: one.heard_sample_count for one in answer.turns} == {
        name: last.heard_sample_count for name, last in zip(("Ada", "Bob"), ends, strict=True)
    }
    assert all(
        last.outcome == outcome_pb2.TURN_OUTCOME_INTERRUPTED and last.heard_sample_count < 3 * RATE for last in ends
    )


@pytest.mark.parametrize("subject", ["Ada", "Bob"])
async def test_a_turn_that_was_stopped_before_it_came_is_aborted_wherever_it_comes(
    unreal: Receiver, subject: str
) -> None:
    async with player(unreal, outputs={"Bob": "file:" + os.devnull}) as stub:
        requests = turn(subject, ADA)
        assert not (await stub.Stop(pb.StopRequest(turn_id=requests[0].config.turn_id))).turns
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await performed(stub, requests)
    assert refused.value.code() == grpc.StatusCode.ABORTED


async def test_an_id_in_use_is_refused_on_another_output_until_its_turn_is_over(unreal: Receiver) -> None:
    devices = Devices("main", "Bob's")
    async with player(unreal, devices, output="main", outputs={"Bob": "Bob's"}) as stub:
        requests = turn("Ada", ADA)
        twin = turn("Bob", BOB, 0.2, turn_id=requests[0].config.turn_id)
        ada = stub.Perform(iter(requests))
        await begun(ada)
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await performed(stub, twin)
        await last_word(ada)
        after = await performed(stub, twin)
    assert refused.value.code() == grpc.StatusCode.ALREADY_EXISTS
    assert after.heard_sample_count == 0.2 * RATE
    assert is_whole(devices["main"].heard, ADA, RATE)


async def test_a_lost_device_disturbs_nobody_elsewhere_and_is_taken_again(unreal: Receiver) -> None:
    devices = Devices("main", "Bob's")
    async with player(unreal, devices, output="main", outputs={"Bob": "Bob's"}) as stub:
        lost = devices["Bob's"]
        ada = stub.Perform(iter(turn("Ada", ADA, 1.5)))
        bob = stub.Perform(iter(turn("Bob", BOB, 1.5)))
        await asyncio.gather(begun(ada), begun(bob))
        lost.lost = True
        ends = await asyncio.gather(last_word(ada), last_word(bob))
        async with asyncio.timeout(10):
            while (status := await status_of(stub)).subject_outputs[0].output.kind != "device":
                pass
        after = await performed(stub, turn("Bob", BOB, 0.3))
    assert (ends[0].heard_sample_count, after.heard_sample_count) == (1.5 * RATE, 0.3 * RATE)
    assert 0 < ends[1].heard_sample_count < 1.5 * RATE
    assert (status.output.lost_count, status.subject_outputs[0].output.lost_count) == (0, 1)
    assert is_whole(devices["main"].heard, ADA, 3 * RATE // 2)
    assert devices["Bob's"] is not lost
    assert devices["Bob's"].heard[BOB] > 0.9 * 0.3 * RATE  # it may have been back for the end of the first turn
    assert all(is_even(face) for face in sent_to(unreal).values())
    assert [device.close_count for device in (devices["main"], lost, devices["Bob's"])] == [1, 1, 1]


async def test_the_status_holds_every_output_and_its_counters_add_up(unreal: Receiver) -> None:
    devices = Devices("auto", "Bob's")
    outputs = {"Bob": "Bob's", "Cyd": "Bob's"}
    async with player(unreal, devices, output="auto", outputs=outputs, subjects="Bob,Ada") as stub:
        await asyncio.gather(performed(stub, turn("", BOB, 0.5)), performed(stub, turn("Ada", ADA, 0.5)))
        status = await status_of(stub)
    (further,) = status.subject_outputs
    assert list(further.subjects) == ["Bob", "Cyd"]
    assert {status.output.kind, further.output.kind} == {"device"}
    assert [subject.subject for subject in status.subjects] == ["Bob", "Ada"]  # as the settings list them
    assert [subject.epoch for subject in status.subjects] == [1, 1]
    assert min(status.clock.tick_count, further.clock.tick_count) > 30
    assert further.clock.heard_sample_count == pytest.approx(
        (further.clock.tick_count + further.clock.tick_skipped_count) * RATE / 60, abs=RATE / 10
    )
    assert 0 < further.clock.lateness_p50.ToNanoseconds() <= further.clock.lateness_p99.ToNanoseconds()
    (sink,) = status.sinks
    assert (sink.address, sink.failed_count) == (unreal.address, 0)
    assert sink.sent_count == status.clock.tick_count + further.clock.tick_count
    assert is_whole(devices["Bob's"].heard, BOB, RATE // 2)
    assert devices.order == ["Bob's", "auto"]  # `auto` takes what is left


async def test_without_outputs_the_status_is_that_of_one(unreal: Receiver) -> None:
    async with player(unreal) as stub:
        status = await status_of(stub)
    assert not status.subject_outputs
    assert len(status.subjects) == 2


async def test_guests_are_heard_on_the_main_output_and_places_are_kept_for_those_with_their_own(
    unreal: Receiver,
) -> None:
    devices = Devices("main", "Bob's")
    outputs = {"Bob": "Bob's"}
    async with player(unreal, devices, output="main", outputs=outputs, subjects="Ada", max_subjects=3) as stub:
        guest = stub.Perform(iter(turn("Cyd", ADA, 1.0)))
        await begun(guest)
        with pytest.raises(grpc.aio.AioRpcError) as full:
            await performed(stub, turn("Dan", ADA, 0.1))
        await performed(stub, turn("Bob", BOB, 0.1))
        await last_word(guest)
        alive = [subject.subject for subject in (await status_of(stub)).subjects]
    assert full.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert alive == ["Ada", "Cyd", "Bob"]
    assert is_whole(devices["main"].heard, ADA, RATE)
    assert is_whole(devices["Bob's"].heard, BOB, RATE // 10)


async def test_faces_are_configured_and_watched_wherever_they_are(unreal: Receiver) -> None:
    async with player(unreal, outputs={"Bob": "file:" + os.devnull}) as stub:
        scaling = pb.SubjectConfig(scaling=pb.ScalingConfig(mouth=0.5))
        await stub.ConfigureSubject(pb.ConfigureSubjectRequest(subject="Bob", config=scaling))
        mouths = {subject.subject: subject.config.scaling.mouth for subject in (await status_of(stub)).subjects}
        seen: dict[str, list[int]] = defaultdict(list)
        frames = stub.WatchFrames(pb.WatchFramesRequest())
        bob = asyncio.create_task(performed(stub, turn("Bob", BOB, 0.5)))
        async with asyncio.timeout(20):
            async for event in frames:
                if event.HasField("frame"):
                    seen[event.frame.subject].append(event.frame.turn_frame)
                if bob.done():
                    break
        frames.cancel()
        await bob
    assert mouths == {"Ada": 1.0, "Bob": 0.5}
    assert set(seen["Ada"]) == {-1}
    shown = [frame for frame in seen["Bob"] if frame >= 0]
    assert len(shown) > 20
    assert shown == sorted(set(shown))
