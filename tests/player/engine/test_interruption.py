"""Stop and shutdown, on a simulated device."""

from __future__ import annotations

import uuid

import numpy as np
import pytest

from neurosync.v1 import outcome_pb2
from services.common.errors import StoppedError
from services.media.curves import INDEX
from services.player.engine import recent_turns
from tests.player.simulation import JAW_ONLY, NAME, RATE, SimulatedOutput, Stage, constant, jaw

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


def test_stopping_a_turn_that_has_ended_returns_what_was_heard() -> None:
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


def test_a_shutdown_is_the_reason_of_the_end() -> None:
    stage = Stage()
    sender = stage.voice(2.0)
    stage.run(0.5)
    stage.performer.stop_everything(0.015, outcome_pb2.REASON_SHUTTING_DOWN)
    stage.run(0.1)
    assert sender.finished.reason == outcome_pb2.REASON_SHUTTING_DOWN
