"""Rewriting a text while keeping the origin of each character."""

from __future__ import annotations

import re

from services.text.traced import Traced


def test_removed_matches_leave_the_origins_of_the_rest() -> None:
    traced = Traced.of("a**b**c").keep(re.compile(r"\*\*(.)\*\*"), 1)
    assert (traced.text, list(traced.origins)) == ("abc", [0, 3, 6])


def test_a_replacement_spreads_over_the_characters_it_replaces_word_by_word() -> None:
    traced = Traced.of("x 12 y").rewrite(re.compile(r"\d+"), lambda _: "one two")
    assert traced.text == "x one two y"
    assert list(traced.origins) == [0, 1, 2, 2, 2, 2, 3, 3, 3, 4, 5]


def test_an_unchanged_match_keeps_its_own_origins() -> None:
    traced = Traced.of("abc").rewrite(re.compile("b"), lambda match: match[0])
    assert list(traced.origins) == [0, 1, 2]


def test_origins_are_those_of_the_original_after_several_rewrites() -> None:
    traced = (
        Traced.of("  5% ").rewrite(re.compile("%"), lambda _: " percent").rewrite(re.compile("5"), lambda _: "five")
    )
    traced = traced.stripped()
    assert traced.text == "five percent"
    assert {traced.origins[k] for k in range(4)} == {2}
    assert {traced.origins[k] for k in range(5, 12)} == {3}
    assert Traced.of("   ").stripped() == Traced("", ())
