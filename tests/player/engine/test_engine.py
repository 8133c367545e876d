"""Steps of the engine: frames prepared early, pauses, stalls and timecodes."""

from __future__ import annotations

import numpy as np
import pytest

from neurosync.v1 import outcome_pb2
from services.media.curves import INDEX
from tests.player.simulation import JAW_ONLY, RATE, TICK, SimulatedOutput, Stage, constant, jaw

JAW = INDEX["JawOpen"]


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
