"""Several turns of one character: queued, replaced, refused."""

from __future__ import annotations

import numpy as np
import pytest

from neurosync.v1 import outcome_pb2
from neurosync.v1 import player_pb2 as pb
from services.common.errors import BusyError, DuplicateError, RefusedBusyError
from tests.player.simulation import RATE, TICK, Stage, constant

COMPLETED = outcome_pb2.REASON_UNSPECIFIED


def test_turns_queue_and_follow_each_other_without_overlap() -> None:
    stage = Stage()
    first, second = stage.voice(0.5, level=1000), stage.voice(0.5, level=2000)
    assert (first.accepted.epoch, second.accepted.epoch) == (1, 2)
    assert (first.accepted.queued, second.accepted.queued) == (False, True)
    stage.run(1.3)
    heard = stage.heard()
    assert set(heard.tolist()) == {0, 1000, 2000}
    gap = int(np.flatnonzero(heard == 2000)[0]) - int(np.flatnonzero(heard == 1000)[-1])
    assert 0 < gap <= TICK + 1
    assert first.finished.heard_sample_count == second.finished.heard_sample_count == RATE // 2


def test_a_turn_replaces_the_one_that_speaks_and_those_that_wait() -> None:
    stage = Stage()
    speaking, waiting = stage.voice(2.0, level=1000), stage.voice(2.0, level=2000)
    stage.run(0.5)
    new = stage.begin(policy=pb.BUSY_POLICY_REPLACE, voice_only=True)
    assert not new.accepted.queued
    new.turn.push_sound(constant(RATE // 4, 3000), stage.now)
    new.turn.close(COMPLETED)
    stage.run(1.0)
    assert speaking.finished.reason == waiting.finished.reason == outcome_pb2.REASON_REPLACED
    assert speaking.finished.outcome == outcome_pb2.TURN_OUTCOME_SUPERSEDED
    assert waiting.finished.heard_sample_count == 0
    assert new.finished.heard_sample_count == RATE // 4
    heard = stage.heard()
    assert 2000 not in heard
    assert int(np.flatnonzero(heard == 3000)[0]) - int(np.flatnonzero(heard == 1000)[-1]) < 0.015 * RATE + TICK + 1


def test_a_busy_character_refuses_by_policy() -> None:
    stage = Stage()
    stage.voice()
    with pytest.raises(RefusedBusyError, match="is speaking"):
        stage.begin(policy=pb.BUSY_POLICY_REFUSE)
    stage.begin(policy=pb.BUSY_POLICY_REFUSE, character="Bob")


def test_the_queue_is_bounded() -> None:
    stage = Stage(max_queued=1)
    stage.voice()
    stage.voice()
    with pytest.raises(BusyError, match="1 turns wait"):
        stage.begin()


def test_the_number_of_characters_is_bounded() -> None:
    stage = Stage()
    stage.begin(character="Bob")
    stage.begin(character="Cyd")
    with pytest.raises(BusyError, match="3 characters"):
        stage.begin(character="Dee")


def test_an_id_in_use_is_refused_and_may_come_again_afterwards() -> None:
    stage = Stage()
    sender = stage.voice(0.1)
    with pytest.raises(DuplicateError, match="in use"):
        stage.begin(turn_id=sender.turn.config.turn_id)
    stage.run(0.3)
    assert sender.finished.reason == COMPLETED
    stage.begin(turn_id=sender.turn.config.turn_id)
