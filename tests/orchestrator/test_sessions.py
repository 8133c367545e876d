"""Sessions: which are kept, and their labels."""

from __future__ import annotations

import pytest

from services.common.errors import BadRequestError
from services.orchestrator.sessions import MAX_LABELS, Sessions


def test_the_session_unused_for_longest_makes_room() -> None:
    sessions = Sessions(max_sessions=2, max_history=3)
    first, second = sessions.open("a"), sessions.open("b")
    sessions.open("a")
    sessions.open("c")
    assert sessions.find("b") is None
    assert sessions.find("a") is first
    assert second is not sessions.open("b")


def test_labels_are_merged_and_an_empty_value_removes_one() -> None:
    session = Sessions(max_sessions=2, max_history=3).open("a")
    session.merge_labels({"user": "42", "game": "chess"})
    session.merge_labels({"game": "", "level": "3"})
    assert session.labels == {"user": "42", "level": "3"}


def test_a_session_takes_a_bounded_number_of_labels_or_none_of_them() -> None:
    session = Sessions(max_sessions=2, max_history=3).open("a")
    session.merge_labels({str(index): "x" for index in range(MAX_LABELS)})
    with pytest.raises(BadRequestError, match="session_labels"):
        session.merge_labels({"one": "more"})
    assert len(session.labels) == MAX_LABELS
