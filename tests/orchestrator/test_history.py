"""What an orchestrator remembers, and how much of it."""

from __future__ import annotations

from services.orchestrator.history import MAX_CHARS, Entry, Sessions


def entry(text: str) -> Entry:
    return Entry("id", text, "heard", interrupted=False, started=0.0, heard_seconds=1.0)


def test_the_oldest_turns_are_forgotten_beyond_the_number_to_remember() -> None:
    session = Sessions(max_sessions=2, max_history=3).open("me")
    for index in range(5):
        session.remember(entry(str(index)))
    assert [kept.user_text for kept in session.entries] == ["2", "3", "4"]


def test_a_history_of_long_texts_still_fits_one_message() -> None:
    session = Sessions(max_sessions=2, max_history=100).open("me")
    for index in range(20):
        session.remember(entry(str(index) * 90_000))
    total = sum(len(kept.user_text) + len(kept.heard_text) for kept in session.entries)
    assert 0 < total <= MAX_CHARS
    assert session.entries[-1] == entry("19" * 90_000)


def test_the_session_unused_for_longest_makes_room() -> None:
    sessions = Sessions(max_sessions=2, max_history=3)
    first, second = sessions.open("a"), sessions.open("b")
    sessions.open("a")
    sessions.open("c")
    assert sessions.find("b") is None
    assert sessions.find("a") is first
    assert second is not sessions.open("b")
