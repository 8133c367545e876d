"""Tags in a text that say how the words after them feel: `[happy]`, or `[sad:0.5]` for half of it; they are not spoken.

    feelings("[happy] Hello! [sad:0.5] And goodbye.")   # Happy 1.0 from 0 to 7, Sad 0.5 from 15 to 24

A tag holds until the next one. What stands in brackets and names no emotion is none of them, nor is the text of a link.
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
NAMES: Final = {word: name for name, words in _WORDS.items() for word in words.split()}
"""What a tag may say, and the emotion that it means."""
_ANY: Final = "|".join(NAMES)
TAG: Final = re.compile(
    rf"\[ ?(?P<word>{_ANY})(?: ?: ?(?P<strength>0?\.\d{{1,3}}|[01](?:\.0{{1,3}})?))? ?\]"
    rf"(?!\()(?!\[(?! ?(?:{_ANY})\b))",  # [happy](address) and [happy][1] are links
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Feeling:
    """One tag."""

    name: str
    """Of the emotion, such as Happy."""
    strength: float
    """0 to 1."""
    start: int
    """First character of the tag."""
    end: int
    """One past its last character."""


def feelings(text: str) -> list[Feeling]:
    """Return the tags of a text, in order."""
    return [
        Feeling(NAMES[match["word"].lower()], float(match["strength"] or 1), *match.span())
        for match in TAG.finditer(text)
    ]
