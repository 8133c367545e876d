"""Names of characters that nobody meant: they may not keep those out who come later."""

from __future__ import annotations

import pytest

from neurosync.v1 import outcome_pb2
from services.common.errors import BusyError
from tests.player.simulation import NAME, Stage, constant


def spoken(stage: Stage, subject: str) -> None:
    """Let a subject speak to the end."""
    turn = stage.begin(subject=subject).turn
    turn.push_sound(constant(2_400), stage.now)
    turn.close(outcome_pb2.REASON_UNSPECIFIED)
    stage.run(0.7)
    assert turn.finished


def test_the_guest_that_was_silent_for_longest_gives_way() -> None:
    stage = Stage()  # holds three subjects
    for subject in ("Bob", "Cy", "Bob", "Di"):
        spoken(stage, subject)
    assert list(stage.performer.subjects) == [NAME, "Bob", "Di"]


def test_who_has_a_turn_or_was_there_from_the_start_stays() -> None:
    stage = Stage()
    stage.begin(subject="Bob")
    stage.begin(subject="Cy")
    with pytest.raises(BusyError, match="3 subjects are alive"):
        stage.begin(subject="Di")
    assert list(stage.performer.subjects) == [NAME, "Bob", "Cy"]
