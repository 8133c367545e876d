"""Pauses by punctuation."""

from __future__ import annotations

import pytest

from services.tts.pauses import Pauses


@pytest.mark.parametrize(
    ("text", "gap", "seconds"),
    [
        ("so, then,", "", 0.1),
        ("so: ", "", 0.1),
        ("so —", "", 0.1),
        ("so.", "", 0.4),
        ('"so?!" ', "", 0.4),
        ("(so.)", "", 0.4),
        ("いいえ。", "", 0.4),
        ("so…", "", 0.8),
        ("so.", "\n \n", 0.8),
        ("a heading", "\n", 0.4),
        ("so", " ", 0.0),
        ("", "", 0.0),
    ],
)
def test_the_pause_follows_from_the_last_mark(text: str, gap: str, seconds: float) -> None:
    assert Pauses(clause=0.1, sentence=0.4, paragraph=0.8, unmarked=0.0).after(text, gap) == seconds
