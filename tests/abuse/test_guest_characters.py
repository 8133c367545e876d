"""Limit on the number of characters: the one that has been idle longest is removed for a new name."""

from __future__ import annotations

import pytest

from neurosync.v1 import outcome_pb2
from services.common.errors import BusyError
from tests.player.simulation import NAME, Stage, constant


def speak_to_the_end(stage: Stage, character: str) -> None:
    """Run a turn of a character to its end."""
    turn = stage.begin(character=character).turn
    turn.push_sound(constant(2_400), stage.now)
    turn.close(outcome_pb2.REASON_UNSPECIFIED)
    stage.run(0.7)
    assert turn.finished


def test_the_guest_that_has_been_idle_longest_is_removed() -> None:
    stage = Stage()  # at most three characters
    for name in ("Bob", "Cy", "Bob", "Di"):
        speak_to_the_end(stage, name)
    assert list(stage.performer.characters) == [NAME, "Bob", "Di"]


def test_characters_with_a_turn_or_from_the_settings_are_kept() -> None:
    stage = Stage()
    stage.begin(character="Bob")
    stage.begin(character="Cy")
    with pytest.raises(BusyError, match="3 characters are alive"):
        stage.begin(character="Di")
    assert list(stage.performer.characters) == [NAME, "Bob", "Cy"]
