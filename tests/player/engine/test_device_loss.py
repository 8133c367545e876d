"""A device that is lost and comes back."""

from __future__ import annotations

import numpy as np
import pytest

from neurosync.v1 import outcome_pb2
from services.player.audio.null_device import NullDevice
from services.player.engine.engine import Engine
from services.player.engine.frame_sender import SentFrame
from services.player.engine.performer import Performer
from services.player.timeline.ticks import Ticks
from tests.player.simulation import NAME, RATE, TICK, Found, SimulatedOutput, Stage


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


def test_samples_taken_by_a_lost_device_are_not_counted_as_heard_by_later_turns() -> None:
    stage = Stage(SimulatedOutput(latency=2400, margin=100))
    stage.run(0.5)
    stage.output.take(960)  # more than was reported to be on its way
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
