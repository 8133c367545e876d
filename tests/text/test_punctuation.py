"""Whether a mark ends its sentence."""

from __future__ import annotations

import pytest

from services.text.punctuation import END, ends_sentence


def ends(text: str, *, final: bool = True, starts_line: bool = False) -> bool | None:
    """Judge the first mark of a text."""
    match = END.search(text)
    assert match is not None
    return ends_sentence(match, start=0, final=final, starts_line=starts_line)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("He left. She stayed", True),
        ("Dr. Who", False),
        ("No. 5", False),
        ("No. I won't", True),
        ("at 5 p.m. Monday", False),
        ("Well... maybe", False),
        ("Really? Yes", True),
        ("3.14", False),
        ("太好了！我们走", True),
    ],
)
def test_a_mark_is_judged_by_the_words_around_it(text: str, expected: bool) -> None:
    match = END.search(text)
    assert match is not None
    assert ends(text) is expected


def test_a_mark_without_the_next_word_needs_more_text() -> None:
    assert ends("He left.", final=False) is None
    assert ends("Acme Inc. T", final=False) is None
    assert ends("He left.", final=True) is True


def test_the_number_of_a_list_item_ends_no_sentence() -> None:
    assert ends("1. First", starts_line=True) is False
