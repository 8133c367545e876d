"""Names of characters that nobody meant: they may not keep those out who come later."""

from __future__ import annotations

import pytest

from neurosync.v1 import outcome_pb2
from services.common.errors import BusyError
from tests.player.simulation import NAME, Stage, constant


def spoken(stage: Stage, character: str) -> None:
    """Let a character speak to the end."""
    turn = stage.begin(character=character).turn
    turn.push_sound(constant(2_400), stage.now)
    turn.close(outcome_pb2.REASON_UNSPECIFIED)
    stage.run(0.7)
    assert turn.finished


def test_the_guest_that_was_silent_for_longest_gives_way() -> None:
    stage = Stage()  # holds three characters
    for name in ("Bob", "Cy", "Bob", "Di"):
        spoken(stage, name)
    assert list(stage.performer.characters) == [NAME, "Bob", "Di"]


def test_who_has_a_turn_or_was_there_from_the_start_stays() -> None:
    stage = Stage()
    stage.begin(character="Bob")
    stage.begin(character="Cy")
    with pytest.raises(BusyError, match="3 characters are alive"):
        stage.begin(character="Di")
    assert list(stage.performer.characters) == [NAME, "Bob", "Cy"]
