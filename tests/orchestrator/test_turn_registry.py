"""Turns by their id: none runs twice, and the newest outcomes are kept."""

from __future__ import annotations

import pytest

from neurosync.v1.orchestrator_pb2 import TurnAccepted, TurnFinished
from services.common.errors import DuplicateError, FinishedTurnError, UnknownTurnError
from services.orchestrator import turn_registry
from services.orchestrator.turn_registry import TurnRegistry


def test_a_running_and_a_finished_turn_keep_their_id() -> None:
    turns = TurnRegistry()
    turns.claim(TurnAccepted(turn_id="a"))
    assert turns.find("a").running.turn_id == "a"
    with pytest.raises(DuplicateError, match="is running"):
        turns.claim(TurnAccepted(turn_id="a"))
    turns.finish(TurnFinished(turn_id="a", heard_text="Hello."))
    assert turns.find("a").finished.heard_text == "Hello."
    with pytest.raises(FinishedTurnError, match="has finished"):
        turns.claim(TurnAccepted(turn_id="a"))


def test_a_turn_that_did_not_begin_may_be_tried_again() -> None:
    turns = TurnRegistry()
    turns.claim(TurnAccepted(turn_id="a"))
    turns.release("a")
    with pytest.raises(UnknownTurnError):
        turns.find("a")
    turns.claim(TurnAccepted(turn_id="a"))


def test_the_newest_outcomes_are_kept_within_number_and_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turn_registry, "MAX_FINISHED", 3)
    turns = TurnRegistry()
    for name in "abcde":
        turns.finish(TurnFinished(turn_id=name))
    kept = [name for name in "abcde" if _is_known(turns, name)]
    assert kept == ["c", "d", "e"]
    monkeypatch.setattr(turn_registry, "MAX_BYTES", 1_000)
    turns.finish(TurnFinished(turn_id="f", text="x" * 2_000))
    assert [name for name in "abcdef" if _is_known(turns, name)] == ["f"]


def _is_known(turns: TurnRegistry, turn_id: str) -> bool:
    try:
        turns.find(turn_id)
    except UnknownTurnError:
        return False
    return True
