"""Stop, shutdown and the loss of the device, on a simulated device."""

from __future__ import annotations

import uuid

import numpy as np
import pytest

from neurosync.v1 import outcome_pb2
from services.common.errors import StoppedError
from services.media.curves import INDEX
from services.player.audio.null_device import NullDevice
from services.player.engine import recent_turns
from services.player.engine.engine import Engine
from services.player.engine.frame_sender import SentFrame
from services.player.engine.performer import Performer
from services.player.timeline.ticks import Ticks
from tests.player.simulation import JAW_ONLY, NAME, RATE, TICK, Found, SimulatedOutput, Stage, constant, jaw

JAW = INDEX["JawOpen"]
FADE = round(0.015 * RATE)


def test_a_stop_fades_to_silence_in_fifteen_milliseconds_and_counts_to_the_end_of_the_fade() -> None:
    stage = Stage(SimulatedOutput(latency=2400, margin=480))
    sender = stage.voice(2.0)
    stage.run(1.0)
    taken = stage.output.taken
    (stopped,) = stage.performer.stop_turn(sender.turn.config.turn_id, 0.015)
    stage.look()
    stage.run(1.0)
    heard = stage.heard()
    first, last = (int(np.flatnonzero(heard)[end]) for end in (0, -1))
    assert last - taken <= 480 + FADE
    assert stopped.heard == pytest.approx(last + 1 - first, abs=20)  # the last few are too quiet for 16 bits
    assert sender.finished.heard_sample_count == stopped.heard
    assert sender.finished.outcome == outcome_pb2.TURN_OUTCOME_INTERRUPTED
    assert sender.finished.reason == outcome_pb2.REASON_STOPPED
    fade = heard[last - FADE : last].astype(int)
    assert np.all(np.diff(fade) <= 0)
    assert np.abs(np.diff(fade)).max() < 10_000 * 2 / FADE  # a raised cosine, no click


def test_a_stop_without_fade_is_immediate() -> None:
    stage = Stage()
    stage.voice(2.0)
    stage.run(0.5)
    taken = stage.output.taken
    stage.performer.stop_everything(0.0)
    stage.look()
    stage.run(0.1)
    assert not stage.heard()[taken:].any()


def test_the_face_eases_to_idle_after_a_stop() -> None:
    stage = Stage()
    sender = stage.begin()
    sender.turn.open_frames(JAW_ONLY, 60)
    sender.turn.push_frames(0, jaw(np.full(120, 0.9)), stage.now)
    sender.turn.push_sound(constant(2 * RATE), stage.now)
    stage.run(0.5)
    stage.performer.stop_character(NAME, 0.015)
    before = len(stage.sent)
    stage.run(0.5)
    curve = stage.curve(JAW)
    assert np.abs(np.diff(curve[before:])).max() <= 0.2
    assert curve[before + 8] < 0.05
    assert stage.sent[-1].shown.turn_id == ""
    assert len(stage.sent) - before == 30


def test_a_turn_that_was_stopped_before_it_came_is_refused() -> None:
    stage = Stage()
    turn_id = str(uuid.uuid4())
    assert stage.performer.stop_turn(turn_id, 0.015) == []
    with pytest.raises(StoppedError, match="before it began"):
        stage.begin(turn_id=turn_id)


def test_the_memory_of_stopped_turns_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recent_turns, "REMEMBERED_TURNS", 3)
    stage = Stage()
    ids = [str(uuid.uuid4()) for _ in range(5)]
    for turn_id in ids:
        stage.performer.stop_turn(turn_id, 0.0)
    stage.begin(turn_id=ids[0])
    with pytest.raises(StoppedError):
        stage.begin(turn_id=ids[-1])


def test_stopping_a_turn_that_has_ended_tells_what_was_heard() -> None:
    stage = Stage()
    sender = stage.voice(0.25)
    stage.run(0.5)
    (stopped,) = stage.performer.stop_turn(sender.turn.config.turn_id, 0.015)
    assert stopped.heard == RATE // 4


def test_stopping_a_turn_that_waits_means_nothing_was_heard_and_the_next_one_speaks() -> None:
    stage = Stage()
    first, waiting, last = (stage.voice(0.5, level=level) for level in (1000, 2000, 3000))
    stage.run(0.1)
    (stopped,) = stage.performer.stop_turn(waiting.turn.config.turn_id, 0.015)
    stage.run(1.5)
    assert stopped.heard == 0
    assert waiting.finished.heard_sample_count == 0
    assert 2000 not in stage.heard()
    assert first.finished.heard_sample_count == last.finished.heard_sample_count == RATE // 2


def test_what_comes_after_a_stop_is_dropped() -> None:
    stage = Stage()
    sender = stage.begin(voice_only=True)
    sender.turn.push_sound(constant(RATE // 2), stage.now)
    stage.run(0.1)
    stage.performer.stop_everything(0.015)
    stage.look()
    stage.run(0.05)
    silent_from = stage.output.taken
    sender.turn.push_sound(constant(RATE), stage.now)
    sender.turn.push_frames(0, jaw([1.0]), stage.now)
    sender.turn.close(outcome_pb2.REASON_UNSPECIFIED)
    stage.run(0.5)
    assert not stage.heard()[silent_from:].any()
    assert sender.finished.reason == outcome_pb2.REASON_STOPPED


def test_a_stop_in_a_pause_ends_the_turn_where_it_paused() -> None:
    stage = Stage()
    sender = stage.begin(voice_only=True)
    sender.turn.push_sound(constant(4800), stage.now)
    stage.run(0.3)
    (stopped,) = stage.performer.stop_everything(0.015)
    stage.run(0.1)
    assert stopped.heard == sender.finished.heard_sample_count == 4800
    assert sender.finished.outcome == outcome_pb2.TURN_OUTCOME_INTERRUPTED  # more was to come


def test_a_shutdown_says_so() -> None:
    stage = Stage()
    sender = stage.voice(2.0)
    stage.run(0.5)
    stage.performer.stop_everything(0.015, outcome_pb2.REASON_SHUTTING_DOWN)
    stage.run(0.1)
    assert sender.finished.reason == outcome_pb2.REASON_SHUTTING_DOWN


def test_the_face_outlives_the_device_and_what_comes_later_is_not_heard() -> None:
    stage = Stage(SimulatedOutput(latency=2400))
    sender = stage.voice(1.0)
    stage.run(0.5)
    output = stage.output
    output.lost = True
    ticks = [sent.shown.tick for sent in stage.sent]
    for step in range(1, 121):
        stage.engine.step(output.now + step / 60)
    assert output.closed
    assert sender.notices == [outcome_pb2.REASON_DEVICE_CHANGED]
    assert [sent.shown.tick for sent in stage.sent] == list(range(ticks[0], ticks[-1] + 121))
    assert sender.finished.heard_sample_count == pytest.approx(RATE // 2, abs=TICK)
    assert stage.engine.output.kind == "none"
    assert "simulated" in stage.engine.output.message


def test_what_a_device_took_before_it_was_lost_is_nobody_s_who_comes_later() -> None:
    stage = Stage(SimulatedOutput(latency=2400, margin=100))
    stage.run(0.5)
    stage.output.take(960)  # more than was known to be on its way
    stage.output.lost = True
    begin = stage.now
    stage.engine.step(begin)
    sender = stage.voice(0.3)
    for step in range(1, 61):
        stage.engine.step(begin + step / 60)
    assert sender.finished.heard_sample_count == 0


def test_a_device_that_comes_back_is_heard_again_and_no_tick_is_missed() -> None:
    stage = Stage(SimulatedOutput(latency=2400, margin=300))
    first = stage.voice(2.0)
    stage.run(0.5)
    lost = stage.output
    stage.lose_device(50)
    assert lost.closed
    assert stage.engine.output is stage.output
    second = stage.voice(0.5, level=5_000)
    stage.run(2.5)
    ticks = [sent.shown.tick for sent in stage.sent]
    assert ticks == list(range(ticks[0], ticks[0] + len(ticks)))
    assert len(ticks) == pytest.approx(60 * stage.now, abs=5)
    assert first.notices == [outcome_pb2.REASON_DEVICE_CHANGED] * 2
    assert first.finished.heard_sample_count == pytest.approx(
        RATE // 2, abs=TICK
    )  # what came after the gap is no whole
    assert second.finished.heard_sample_count == RATE // 2
    heard = stage.heard()
    assert np.count_nonzero(heard == 10_000) == pytest.approx(RATE, abs=2 * TICK)
    assert np.count_nonzero(heard == 5_000) == RATE // 2
    assert stage.engine.lost_count == 1


def test_a_device_that_was_not_there_at_the_start_is_taken_when_it_comes() -> None:
    device = SimulatedOutput(latency=2400)
    performer = Performer(Ticks(RATE), [NAME], seed=7, max_characters=1, max_queued=1)
    none = NullDevice(RATE, origin=0.0, message="no device")
    engine = Engine(performer, none, [], clock=lambda: 0.0, wall_offset=lambda: 0.0, reopen=lambda: device)
    sent: list[SentFrame] = []
    engine.on_sent = sent.extend
    assert engine._reconnector
    engine._reconnector.close()
    for tick in range(30):
        engine.step(tick / 60)
    engine._reconnector = Found(device)  # type: ignore[assignment]
    engine.step(0.5)
    assert engine.output is device
    while device.now < 1.0:
        device.take(TICK // 4)
        engine.step(device.now)
    ticks = [frame.shown.tick for frame in sent]
    assert ticks == list(range(ticks[0], ticks[0] + len(ticks)))
    assert len(ticks) == pytest.approx(60, abs=2)
    assert engine.lost_count == 0


def test_faces_made_before_they_are_due_are_the_same() -> None:
    early, plain = Stage(SimulatedOutput(latency=2400)), Stage(SimulatedOutput(latency=2400))
    for stage in (early, plain):
        sender = stage.begin()
        sender.turn.open_frames(JAW_ONLY, 60)
        sender.turn.push_frames(0, jaw(np.linspace(0, 1, 60)), stage.now)
        sender.turn.push_sound(constant(RATE), stage.now)
        sender.turn.close(outcome_pb2.REASON_UNSPECIFIED)
        for _ in range(360):
            stage.run(1 / 240)
            if stage is early:
                stage.engine.prepare(stage.now)
    assert np.array_equal([sent.shown.values for sent in early.sent], [sent.shown.values for sent in plain.sent])
    assert [sent.timecode_frame for sent in early.sent] == [sent.timecode_frame for sent in plain.sent]


def test_a_request_between_making_a_face_and_sending_it_shows_in_it() -> None:
    stage = Stage()
    sender = stage.begin()
    sender.turn.open_frames(JAW_ONLY, 60)
    sender.turn.push_frames(0, jaw(np.full(60, 0.9)), stage.now)
    sender.turn.push_sound(constant(RATE), stage.now)
    stage.run(0.5)
    stage.engine.prepare(stage.now)
    assert stage.engine._ready
    stage.engine.commands.append(lambda: stage.performer.stop_everything(0.0))
    stage.look()
    assert stage.engine._ready is None
    stage.run(1 / 60)
    assert stage.sent[-1].shown.turn_frame == -1


def test_the_face_goes_on_while_the_device_pauses_and_the_turn_waits_for_it() -> None:
    stage = Stage(SimulatedOutput(latency=2400))
    sender = stage.begin()
    sender.turn.open_frames(JAW_ONLY, 60)
    sender.turn.push_frames(0, jaw(np.full(60, 0.8)), stage.now)
    sender.turn.push_sound(constant(RATE), stage.now)
    sender.turn.close(outcome_pb2.REASON_UNSPECIFIED)
    stage.run(0.5)
    before, asked = len(stage.sent), stage.now
    deadline = asked
    while deadline < asked + 1.0:  # no callback comes for a second
        deadline = stage.engine.step(deadline)
    assert len(stage.sent) - before == pytest.approx(60, abs=2)
    stage.output.paused += 1.0
    stage.run(1.0)
    assert len(stage.sent) - before == pytest.approx(120, abs=5)
    curve = stage.curve(JAW)
    assert curve[before + 30] < 0.1
    assert (curve[before + 60 :] == np.float32(0.8)).sum() > 20
    assert np.abs(np.diff(curve)).max() < 0.2
    ticks = [sent.shown.tick for sent in stage.sent]
    assert ticks == list(range(ticks[0], ticks[0] + len(ticks)))
    assert sender.finished.heard_sample_count == RATE
    assert sender.finished.counters.frame_shown_count == 60


def test_a_stall_skips_ticks_and_never_sends_a_burst() -> None:
    stage = Stage()
    stage.run(0.5)
    sent = len(stage.sent)
    stage.output.take(TICK * 10)
    stage.look()
    assert len(stage.sent) == sent + 1
    assert stage.engine.skipped_count == 9
    stage.run(0.5)
    assert len(stage.sent) == sent + 1 + 30


def test_the_timecode_follows_time_and_never_goes_back() -> None:
    stage = Stage()
    offset = 86_400 - 1.0  # a second before midnight
    stage.engine.frame_sender._wall_offset = lambda: offset
    stage.engine.frame_sender._latest_offset = offset
    stage.run(0.5)
    offset -= 3600  # the system's clock is set back
    stage.run(1.0)
    codes = [sent.timecode_frame for sent in stage.sent]
    steps = np.diff(codes[1:])
    assert set(steps.tolist()) <= {0, 1, 2, -(86_400 * 60 - 1), -(86_400 * 60 - 2)}
    assert (steps < 0).sum() == 1  # midnight
    assert max(codes) == 86_400 * 60 - 1
