"""What is removed from a reply, however it is chunked."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.llm.cleaning import ReplyCleaner


def cleaned(*chunks: str) -> str:
    cleaner = ReplyCleaner()
    return "".join([*(cleaner.push(chunk) for chunk in chunks), cleaner.end()])


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("Hello.", "Hello."),
        (" \n Hello.", "Hello."),
        ("Assistant: Hello.", "Hello."),
        ("<|im_start|>assistant\nHello.", "Hello."),
        ("Hello.<|im_end|>\nmore", "Hello."),
        ("Hello.\nUser: And you?", "Hello."),
        ("Hello.\nuser:", "Hello."),
        ("Hello.</s>", "Hello."),
        ("<think>hm, user?</think>\n\nHello.", "Hello."),
        ("<think>for ever", ""),
        ("a < b and <| c", "a < b and <| c"),
        ("Users: many\nUsers of it", "Users: many\nUsers of it"),
        ("Assistance comes.", "Assistance comes."),
        ("\ud83d\ude00!", "😀!"),
        ("a\ud83d", "a"),
    ],
)
def test_reply_is_cleaned_however_it_is_chunked(raw: str, clean: str) -> None:
    assert cleaned(raw) == clean
    assert cleaned(*raw) == clean


MARKERS = st.lists(
    st.sampled_from(
        ["<|im_end|>", "<think>", "</think>", "user:", "\n", "assistant", ":", " ", "<", "|", "a", "</s>", "😀"]
    ),
    max_size=12,
).map("".join)


@given(MARKERS, st.data())
def test_cleaning_does_not_depend_on_chunks(raw: str, data: st.DataObject) -> None:
    bounds = [0, *sorted(data.draw(st.lists(st.integers(0, len(raw)), max_size=6))), len(raw)]

    assert cleaned(*(raw[begin:end] for begin, end in pairwise(bounds))) == cleaned(raw)
