"""The written word of each normalized word."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.tts.hibari.word_alignment import align


@pytest.mark.parametrize(
    ("written", "read", "owners"),
    [
        ("at 7:30 pm now", "at seven thirty P.M. now", [0, 1, 1, 2, 3]),
        ("5 Jan is", "the fifth of January is", [0, 0, 0, 1, 2]),
        ("w/o a plan", "without a plan", [0, 1, 2]),
        ("AKA me", "also known as me", [0, 0, 0, 1]),
        ("same words", "same words", [0, 1]),
    ],
)
def test_words_that_are_pronounced_otherwise_keep_their_place(written: str, read: str, owners: list[int]) -> None:
    expansions = {"7:30": ["seven", "thirty"], "pm": ["pm"]}
    assert align(written.split(), read.split(), lambda word: expansions.get(word, [word]))[0] == owners


@given(st.lists(st.text("ab1", min_size=1, max_size=3), max_size=9), st.lists(st.text("ab1", min_size=1), max_size=9))
@settings(deadline=None)
def test_every_normalized_word_has_a_written_one_in_order(written: list[str], read: list[str]) -> None:
    owners, unsure = align(written, read, lambda word: [word])
    if written:
        assert len(owners) == len(read)
        assert owners == sorted(owners)
        assert {*owners, *unsure} <= set(range(len(written)))
