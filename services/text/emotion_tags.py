"""Emotion tags in a text: `[happy]`, or `[sad:0.5]` for half the strength. They are not spoken.

    find_tags("[happy] Hello! [sad:0.5] And goodbye.")   # Happy 1.0 from 0 to 7, Sad 0.5 from 15 to 24

A tag applies to the text after it, up to the next tag. Brackets that name no emotion are ordinary text, and so is the
text of a markdown link.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

_WORDS: Final = {
    "Angry": "angry anger mad furious annoyed",
    "Disgusted": "disgusted disgust",
    "Fearful": "fearful fear afraid scared worried",
    "Happy": "happy happily joy joyful cheerful excited",
    "Neutral": "neutral calm",
    "Sad": "sad sadly sadness sorry",
    "Surprised": "surprised surprise astonished amazed",
}
EMOTION_OF_WORD: Final = {word: name for name, words in _WORDS.items() for word in words.split()}
"""The words that a tag may contain, each with its name in `services.media.emotions.EMOTION_NAMES`."""
_ANY: Final = "|".join(EMOTION_OF_WORD)
TAG: Final = re.compile(
    rf"\[ ?(?P<word>{_ANY})(?: ?: ?(?P<strength>0?\.\d{{1,3}}|[01](?:\.0{{1,3}})?))? ?\]"
    rf"(?!\()(?!\[(?! ?(?:{_ANY})\b))",  # [happy](address) and [happy][1] are links
    re.IGNORECASE,
)


@dataclass(frozen=True)
class EmotionTag:
    """One emotion tag and its place in the text."""

    name: str
    """Name of the emotion, such as Happy."""
    strength: float
    """0 to 1."""
    start: int
    """First character of the tag."""
    end: int
    """One past its last character."""


def find_tags(text: str) -> list[EmotionTag]:
    """Return the emotion tags of a text, in order."""
    return [
        EmotionTag(EMOTION_OF_WORD[match["word"].lower()], float(match["strength"] or 1), *match.span())
        for match in TAG.finditer(text)
    ]
