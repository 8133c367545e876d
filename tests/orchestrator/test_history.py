"""What an orchestrator remembers of a session, and how much of it."""

from __future__ import annotations

from neurosync.v1 import outcome_pb2
from services.orchestrator.history import MAX_CHARS, History, HistoryEntry


def entry(text: str) -> HistoryEntry:
    return HistoryEntry("id", text, "heard", outcome_pb2.TURN_OUTCOME_COMPLETED, started=0.0, heard_seconds=1.0)


def numbered(count: int, most: int) -> History:
    history = History(most)
    for index in range(count):
        history.add(entry(str(index)))
    return history


def texts(entries: list[HistoryEntry]) -> str:
    return " ".join(kept.user_text for kept in entries)


def test_the_oldest_turns_are_forgotten_beyond_the_number_to_remember() -> None:
    assert texts(list(numbered(5, 3))) == "2 3 4"


def test_a_history_of_long_texts_still_fits_one_message() -> None:
    history = History(100)
    for index in range(20):
        history.add(entry(str(index) * 90_000))
    total = sum(len(kept.user_text) + len(kept.heard_text) for kept in history)
    assert 0 < total <= MAX_CHARS
    assert list(history)[-1] == entry("19" * 90_000)


def test_pages_follow_each_other_without_gap_or_overlap() -> None:
    history = numbered(7, 100)
    pages, number = [], 0
    while True:
        page, following = history.page(number, 3)
        pages.append(texts(page))
        if following is None:
            break
        number = following
    assert pages == ["0 1 2", "3 4 5", "6"]


def test_a_page_keeps_its_place_while_older_entries_are_dropped() -> None:
    history = numbered(6, 6)
    _, following = history.page(0, 3)
    assert following == 3
    history.add(entry("6"))
    history.add(entry("7"))  # 0 and 1 are gone
    assert texts(history.page(following, 3)[0]) == "3 4 5"
    assert texts(history.page(0, 2)[0]) == "2 3"


def test_a_cleared_history_is_empty_and_its_old_pages_are_too() -> None:
    history = numbered(4, 100)
    assert history.clear() == 4
    assert history.page(2, 10) == ([], None)
    history.add(entry("new"))
    assert texts(history.page(2, 10)[0]) == "new"
