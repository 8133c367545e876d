"""Emotion tags in a text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.text.emotion_tags import EMOTION_OF_WORD, EmotionTag, find_tags
from services.text.sentences import SentenceSplitter
from services.text.spoken import spoken

SPOKEN = {
    "[happy] Hello there!": "Hello there!",
    "[Sad:0.5] Goodbye.": "Goodbye.",
    "Hello[happy]world": "Hello world",
    "Well [surprised], really?": "Well, really?",
    "[happy][sad] Hm.": "Hm.",
    "*[angry]* Go!": "Go!",
    "[neutral]": "",
    "[happy](https://example.com) day": "happy day",
    "[happy][1] day": "happy day",
    "[banana] split": "banana split",
    "[happy:7] day": "happy:seven day",
    "[sighs] [sad] Fine.": "Fine.",
}


@pytest.mark.parametrize("text", SPOKEN)
def test_tags_are_not_spoken_and_unknown_ones_stay_text(text: str) -> None:
    assert spoken(text).text == SPOKEN[text]


def test_tags_are_found_with_their_strength_and_place() -> None:
    assert find_tags("[happy] Hi! [ SAD : .5 ] Bye. [banana] [calm:0]") == [
        EmotionTag("Happy", 1.0, 0, 7),
        EmotionTag("Sad", 0.5, 12, 24),
        EmotionTag("Neutral", 0.0, 39, 47),
    ]


def test_a_sentence_keeps_the_tag_that_stands_before_it() -> None:
    splitter = SentenceSplitter()
    pieces = [piece for character in "Hello there! [sad:0.5] I must go." for piece in splitter.push(character)]
    assert pieces + splitter.end() == ["Hello there! ", "[sad:0.5] I must go."]


@given(
    st.lists(st.sampled_from([*EMOTION_OF_WORD, "[", "]", ":", "0.5", " ", "word", "(", "😀"]), max_size=30).map(
        "".join
    )
)
def test_positions_of_tags_are_those_of_the_text(text: str) -> None:
    for feeling in find_tags(text):
        tag = text[feeling.start : feeling.end]
        assert tag[0] + tag[-1] == "[]"
        assert 0 <= feeling.strength <= 1
        assert not spoken(tag).text
