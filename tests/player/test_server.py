"""The player as a process sees it: gRPC over loopback, real datagrams, no sound device."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import socket
import time
import uuid
from collections.abc import AsyncIterable, AsyncIterator, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

import grpc
import numpy as np
import pytest

from neurosync.v1 import media_pb2 as media
from neurosync.v1 import outcome_pb2, player_pb2_grpc
from neurosync.v1 import player_pb2 as pb
from services.common.settings import load
from services.common.wire import audio_chunk, duration, frame_batch
from services.media.curves import CURVE_NAMES, INDEX
from services.player.server import PlayerService
from services.player.settings import PlayerSettings
from services.serving.dialing import dial
from services.serving.server import running
from tests.player.simulation import constant, jaw

livelink_receiver = importlib.import_module("tests.livelink_receiver")  # an outside program, without types
RATE = 24_000
JAW = INDEX["JawOpen"]
T = TypeVar("T")
if TYPE_CHECKING:
    Stub = player_pb2_grpc.PlayerServiceAsyncStub


class Unreal:
    """Takes datagrams as Unreal would."""

    def __init__(self, sock: socket.socket) -> None:
        self.address = f"127.0.0.1:{sock.getsockname()[1]}"
        self._socket = sock

    async def packets(self, count: int) -> list[dict[str, Any]]:
        """Return the next `count` datagrams."""
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(count / 60 + 5):
            return [livelink_receiver.decode(await loop.sock_recv(self._socket, 2048)) for _ in range(count)]


@pytest.fixture
def unreal() -> Iterator[Unreal]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.setblocking(False)
        yield Unreal(sock)


@contextlib.asynccontextmanager
async def player(unreal: Unreal, **changes: Any) -> AsyncIterator[tuple[Stub, PlayerService]]:
    settings = load(PlayerSettings, listen="127.0.0.1:0", output="none", targets=unreal.address, seed=3, **changes)
    service = PlayerService(settings)
    async with running(service, settings) as server:
        await server.warm
        async with dial(server.address) as channel:
            yield player_pb2_grpc.PlayerServiceStub(channel), service


def config(**changes: Any) -> pb.PerformRequest:
    values: dict[str, Any] = {"turn_id": str(uuid.uuid4()), "format": media.AudioFormat(sample_rate_hertz=RATE)}
    return pb.PerformRequest(config=pb.PerformConfig(**(values | changes)))


def sound(first: int, count: int = 2400) -> pb.PerformRequest:
    return pb.PerformRequest(audio=audio_chunk(first, constant(count)))


def frames(first: int, values: Any) -> pb.PerformRequest:
    return pb.PerformRequest(frames=frame_batch(first, jaw(values)))


HEADER = pb.PerformRequest(frame_header=media.FrameHeader(curve_names=["JawOpen"], frame_rate_hertz=60))
END = pb.PerformRequest(end=pb.PerformEnd())


def performance(seconds: float, values: Any = (), **changes: Any) -> list[pb.PerformRequest]:
    """Return a whole turn, in chunks of 100 ms."""
    requests = [config(voice_only=not len(values), **changes)]
    if len(values):
        requests.append(HEADER)
    for number in range(round(seconds * 10)):
        if len(values):
            requests.append(frames(number * 6, values[number * 6 : number * 6 + 6]))
        requests.append(sound(number * 2400))
    return [*requests, END]


async def performed(stub: Stub, requests: list[pb.PerformRequest]) -> list[pb.PerformResponse]:
    async with asyncio.timeout(20):
        return [response async for response in stub.Perform(iter(requests))]


async def taken(call: AsyncIterable[T], count: int) -> list[T]:
    """Return the next `count` messages of a call that goes on."""
    messages: list[T] = []
    async with asyncio.timeout(20):
        async for message in call:
            messages.append(message)
            if len(messages) == count:
                break
    return messages


def of(events: list[Any], kind: str) -> list[Any]:
    return [getattr(event, kind) for event in events if event.WhichOneof("event") == kind]


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


async def test_a_turn_tells_accepted_started_positions_and_finished(unreal: Unreal) -> None:
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


async def test_an_id_in_use_and_a_busy_subject_are_refused(unreal: Unreal) -> None:
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


async def test_a_stream_that_ends_without_end_is_played_and_called_abandoned(unreal: Unreal) -> None:
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
async def test_a_stop_of_nothing_in_particular_is_refused(unreal: Unreal, request_: pb.StopRequest) -> None:
    async with player(unreal) as (stub, _):
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await stub.Stop(request_)
    assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT


async def test_a_whole_performance_in_one_message(unreal: Unreal) -> None:
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


async def test_a_new_subject_comes_alive_and_stays(unreal: Unreal) -> None:
    async with player(unreal) as (stub, _):
        await performed(stub, performance(0.1, subject="Bob"))
        packets = await unreal.packets(40)
        status = await stub.GetStatus(pb.GetStatusRequest())
    assert {packet["subject"] for packet in packets[-10:]} == {"NeuroSync", "Bob"}
    assert [(subject.subject, subject.epoch) for subject in status.subjects] == [("NeuroSync", 0), ("Bob", 1)]


async def test_the_status_tells_of_output_clock_and_sinks(unreal: Unreal) -> None:
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


async def test_closing_the_player_fades_out_and_says_so(unreal: Unreal) -> None:
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
