"""Patterns of markup and stage directions."""

from __future__ import annotations

import pytest

from services.text import markup


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("*waves*", True),
        ("*smiles softly*", True),
        ("*slowly turns around*", True),
        ("(laughs)", True),
        ("[sighs]", True),
        ("*really*", False),
        ("*This*", False),
        ("(the cat)", False),
        ("*12*", False),
    ],
)
def test_stage_directions_are_distinguished_from_emphasis(text: str, expected: bool) -> None:
    match = markup.SPAN.search(f"Well, {text} then.")
    assert match is not None
    assert markup.is_direction(match) is expected


def test_patterns_find_links_footnotes_and_tags() -> None:
    link = markup.LINK.search("see [the docs](https://example.com)")
    assert link is not None
    assert link["text"] == "the docs"
    assert markup.FOOTNOTE.sub("", "so[^1] it is") == "so it is"
    assert markup.TAG.sub("", "a <b>bold</b> 1 < 2") == "a bold 1 < 2"
