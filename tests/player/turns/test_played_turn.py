"""Turns on a simulated device: their start, their place in time, pauses and ends."""

from __future__ import annotations

import numpy as np
import pytest

from neurosync.v1 import outcome_pb2
from neurosync.v1 import player_pb2 as pb
from services.media.curves import INDEX
from tests.player.simulation import JAW_ONLY, RATE, TICK, SimulatedOutput, Stage, constant, jaw

JAW = INDEX["JawOpen"]


COMPLETED = outcome_pb2.REASON_UNSPECIFIED


def onset(stage: Stage) -> int:
    """Return the first device sample that is not silent."""
    return int(np.flatnonzero(stage.heard())[0])


@pytest.mark.parametrize("device_rate", [48_000, 44_100, 22_050])
def test_sample_zero_lies_on_a_tick_and_frames_on_the_ticks_after_it(device_rate: int) -> None:
    stage = Stage(SimulatedOutput(device_rate))
    stage.run(0.4371, block=137)
    sender = stage.begin(rate=device_rate)
    values = np.linspace(0.2, 0.9, 60)
    sender.turn.open_frames(JAW_ONLY, 60)
    sender.turn.push_frames(0, jaw(values), stage.now)
    sender.turn.push_sound(constant(device_rate), stage.now)
    sender.turn.close(COMPLETED)
    stage.run(1.5, block=137)
    ticks = stage.performer.ticks
    first = ticks.next_tick(onset(stage))
    assert ticks.sample(first) == onset(stage)
    spoken = {sent.shown.tick - first: sent.shown for sent in stage.sent if sent.shown.turn_frame >= 0}
    assert sorted(spoken) == list(range(60))
    assert all(shown.turn_frame == frame for frame, shown in spoken.items())
    exact = range(6, 60)  # the first 100 ms ease out of the idle pose
    assert [spoken[frame].values[JAW] for frame in exact] == [np.float32(values[frame]) for frame in exact]


def test_sound_waits_at_most_one_tick() -> None:
    stage = Stage()
    stage.run(0.41)
    asked = stage.output.taken
    stage.voice()
    stage.run(0.1)
    assert 0 <= onset(stage) - asked <= TICK


def test_every_sample_is_played_once_and_in_order() -> None:
    stage = Stage(SimulatedOutput(latency=1000, margin=300))
    sender = stage.begin(voice_only=True)
    ramp = np.arange(1, 24_001, dtype=np.int16)
    for first in range(0, len(ramp), 960):
        sender.turn.push_sound(ramp[first : first + 960], stage.now)
        stage.run(0.015)
    sender.turn.close(COMPLETED)
    stage.run(1.0)
    heard = stage.heard()
    start = onset(stage)
    assert np.array_equal(heard[start : start + len(ramp)], ramp)
    assert not heard[start + len(ramp) :].any()
    assert sender.finished == pb.PerformFinished(
        heard_sample_count=24_000, outcome=outcome_pb2.TURN_OUTCOME_COMPLETED, counters=pb.PerformCounters()
    )


def test_a_turn_of_another_rate_reports_in_its_own_samples() -> None:
    stage = Stage()
    sender = stage.voice(1.0, rate=22_050)
    stage.run(0.6)
    positions = [event for event in sender.events if isinstance(event, pb.PerformPosition)]
    assert positions[-1].heard_sample_count == pytest.approx(0.5 * 22_050, abs=0.1 * 22_050)
    stage.run(1.0)
    assert sender.finished.heard_sample_count == 22_050
    assert np.count_nonzero(stage.heard()) == pytest.approx(RATE, abs=5)


def test_heard_means_at_the_ear() -> None:
    stage = Stage(SimulatedOutput(latency=RATE // 5))
    sender = stage.voice()
    stage.run(0.19)
    assert not sender.of(pb.PerformStarted)
    stage.run(0.05)
    assert sender.of(pb.PerformStarted)
    stage.run(0.8)
    assert not sender.of(pb.PerformFinished)
    stage.run(0.2)
    assert sender.finished.heard_sample_count == RATE


def test_a_frame_is_sent_when_its_sample_is_at_the_ear() -> None:
    latency = RATE // 10
    stage = Stage(SimulatedOutput(latency=latency))
    times: dict[int, int] = {}
    stage.engine.on_sent = lambda sent: times.update({sent[0].shown.turn_frame: stage.output.taken})
    sender = stage.begin()
    sender.turn.open_frames(JAW_ONLY, 60)
    sender.turn.push_frames(0, jaw(np.full(30, 0.5)), stage.now)
    sender.turn.push_sound(constant(RATE // 2), stage.now)
    sender.turn.close(COMPLETED)
    stage.run(1.0)
    start = onset(stage)
    assert all(
        0 < times[frame] - (start + frame * TICK + latency) <= TICK // 4 for frame in range(30)
    )  # within one block of the simulated device


def test_a_slow_renderer_gets_the_face_ahead_of_the_sound() -> None:
    early, plain = (
        Stage(SimulatedOutput(latency=TICK * 6), renderer_offset=0.05),
        Stage(SimulatedOutput(latency=TICK * 6)),
    )
    for stage in (early, plain):
        stage.run(1.0)
    assert early.sent[-1].shown.tick - plain.sent[-1].shown.tick == 3


def test_the_start_waits_for_the_face_but_not_for_long() -> None:
    stage = Stage()
    sender = stage.begin()
    sender.turn.push_sound(constant(RATE), stage.now)
    stage.run(0.25)
    assert not stage.heard().any()
    stage.run(0.1)
    assert stage.heard().any()
    (started,) = sender.of(pb.PerformStarted)
    assert isinstance(started, pb.PerformStarted)
    assert not started.with_frames
    assert not started.HasField("first_frame")
    assert 0.3 <= started.since_audio.ToMilliseconds() / 1000 <= 0.34
    assert 0 <= started.heard_for.ToMilliseconds() / 1000 <= 1 / 60
    assert sender.notices == [outcome_pb2.REASON_WITHOUT_FRAMES]


def test_frames_open_the_gate_once_they_cover_the_first_sound() -> None:
    stage = Stage()
    sender = stage.begin()
    sender.turn.open_frames(JAW_ONLY, 60)
    sender.turn.push_sound(constant(TICK * 4), stage.now)
    sender.turn.push_frames(0, jaw([0.1, 0.2, 0.3]), stage.now)
    stage.run(0.1)
    assert not stage.heard().any()
    sender.turn.push_frames(3, jaw([0.4]), stage.now)
    stage.run(0.05)
    assert stage.heard().any()
    (started,) = sender.of(pb.PerformStarted)
    assert isinstance(started, pb.PerformStarted)
    assert started.with_frames
    assert started.HasField("first_frame")


def test_a_voice_alone_does_not_wait() -> None:
    stage = Stage()
    sender = stage.begin(voice_only=True)
    sender.turn.push_sound(constant(RATE), stage.now)
    stage.run(0.05)
    assert stage.heard().any()
    assert sender.notices == []


def test_a_face_that_comes_late_is_taken_up_and_its_past_is_dropped() -> None:
    stage = Stage()
    sender = stage.begin()
    sender.turn.push_sound(constant(RATE), stage.now)
    stage.run(0.5)
    sender.turn.open_frames(JAW_ONLY, 60)
    sender.turn.push_frames(0, jaw(np.full(60, 0.7)), stage.now)
    sender.turn.close(COMPLETED)
    stage.run(1.0)
    counters = sender.finished.counters
    assert counters.frame_late_count + counters.frame_shown_count == 60
    assert 10 <= counters.frame_late_count <= 14
    assert stage.curve(JAW).max() == pytest.approx(0.7)


def test_running_out_of_sound_pauses_and_resumes_in_step() -> None:
    stage = Stage()
    sender = stage.begin()
    sender.turn.open_frames(JAW_ONLY, 60)
    sender.turn.push_frames(0, jaw(np.linspace(0.2, 0.8, 60)), stage.now)
    sender.turn.push_sound(constant(10_000), stage.now)  # ends between two ticks
    stage.run(0.6)
    assert sender.notices == [outcome_pb2.REASON_AUDIO_STARVED]
    assert sender.events[-1] == pb.PerformPosition(
        heard_sample_count=10_000, granted_sample=10_000 + 2 * RATE, starved=True
    )
    start = onset(stage)
    sender.turn.push_sound(constant(RATE - 10_000), stage.now)
    sender.turn.close(COMPLETED)
    stage.run(1.5)
    heard = stage.heard()
    assert np.count_nonzero(heard) == pytest.approx(RATE, abs=10)
    resumed = start + 10_000 + int(np.flatnonzero(heard[start + 10_000 :])[0])
    assert (resumed - 10_000) % TICK == pytest.approx(0, abs=2)  # the turn's sample 0 would lie on a tick
    shift = round((resumed - 10_000 - start) / TICK)
    frames = {sent.shown.tick: sent.shown.turn_frame for sent in stage.sent if sent.shown.turn_frame >= 0}
    assert [frame for _, frame in sorted(frames.items())] == list(range(60))
    assert max(frames) - min(frames) == 59 + shift
    assert sender.finished.heard_sample_count == RATE
    assert sender.finished.counters.audio_starved_count == 1
    assert sender.finished.counters.frames_starved_count == 0


def test_a_pause_has_no_click() -> None:
    stage = Stage()
    sender = stage.begin(voice_only=True)
    sender.turn.push_sound(constant(4_801, 20_000), stage.now)
    stage.run(0.3)
    sender.turn.push_sound(constant(24_000, 20_000), stage.now)
    stage.run(0.3)
    heard = stage.heard().astype(int)
    start = onset(stage)
    steps = np.abs(np.diff(heard[start:]))
    assert steps.max() < 20_000 * 0.01


def test_running_out_of_frames_eases_the_mouth_to_rest() -> None:
    stage = Stage()
    sender = stage.begin()
    sender.turn.open_frames(JAW_ONLY, 60)
    sender.turn.push_frames(0, jaw(np.full(30, 0.8)), stage.now)
    sender.turn.push_sound(constant(RATE), stage.now)
    stage.run(0.9)
    assert sender.notices == [outcome_pb2.REASON_FRAMES_STARVED]
    curve = stage.curve(JAW)
    last = int(np.flatnonzero(curve > 0.79)[-1])
    assert curve[last + 1] == pytest.approx(0.8 * 4 / 5, abs=0.02)
    assert curve[last + 5] < 0.05
    assert np.abs(np.diff(curve)).max() < 0.2


def test_a_face_that_ends_a_little_before_its_sound_has_not_starved() -> None:
    stage = Stage()
    sender = stage.begin()
    sender.turn.open_frames(JAW_ONLY, 60)
    sender.turn.push_frames(0, jaw(np.full(57, 0.8)), stage.now)
    sender.turn.push_sound(constant(RATE), stage.now)
    sender.turn.close(COMPLETED)
    stage.run(1.2)
    assert sender.finished.counters.frames_starved_count == 0
    assert sender.notices == []


def test_a_sender_that_vanishes_is_played_to_the_end_of_what_came() -> None:
    stage = Stage()
    sender = stage.begin(voice_only=True)
    sender.turn.push_sound(constant(RATE // 2), stage.now)
    sender.turn.close(outcome_pb2.REASON_SENDER_LOST)
    stage.run(0.6)
    assert np.count_nonzero(stage.heard()) == RATE // 2
    assert sender.finished.reason == outcome_pb2.REASON_SENDER_LOST
    assert sender.finished.outcome == outcome_pb2.TURN_OUTCOME_FAILED


def test_a_turn_without_sound_ends_at_once() -> None:
    stage = Stage()
    sender = stage.begin()
    sender.turn.close(COMPLETED)
    stage.run(0.02)
    assert sender.finished == pb.PerformFinished(
        outcome=outcome_pb2.TURN_OUTCOME_COMPLETED, counters=pb.PerformCounters()
    )


def test_positions_come_ten_times_a_second_and_grant_what_may_be_held_ahead() -> None:
    stage = Stage()
    sender = stage.voice(3.0)
    stage.run(2.0)
    positions = [event for event in sender.events if isinstance(event, pb.PerformPosition)]
    assert 18 <= len(positions) <= 22
    assert all(event.granted_sample - event.heard_sample_count == 2 * RATE for event in positions)
    assert not any(event.starved for event in positions)
