"""Character classes shared by sentence splitting and normalisation, to be put inside the brackets of a pattern."""

from __future__ import annotations

import re

EMOJI = (
    "\U0001f000-\U0001faff"  # pictographs, flags, skin tones
    "\u2190-\u21ff\u2300-\u23ff\u25a0-\u27bf\u2b00-\u2bff"  # arrows, technical signs, shapes, dingbats
    "\u200d\ufe0e\ufe0f\u20e3\U000e0020-\U000e007f"  # joiners and variation selectors
)
"""Pictures: never spoken, and part of the sentence that they follow."""
CLOSERS = "\"'”’»)\\]}」』）】》〉*_~"
"""Characters between a sentence's mark and the space after it: quotes, brackets, the end of emphasis."""
OPENERS = "\"'“‘«(\\[{「『（【《〈*_~"
"""Characters before the first word of a sentence."""
WIDE_ENDS = "。！？｡"
"""Marks of Chinese and Japanese that end a sentence; no space follows them."""
WIDE_PAUSES = "，、；："
"""Marks of Chinese and Japanese that end a clause."""
IDEOGRAPHS = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003ffff"
"""Kana and Chinese characters: written without spaces, so that each counts as a word."""

_IDEOGRAPH = re.compile(f"[{IDEOGRAPHS}]")


def is_ideograph(character: str) -> bool:
    """Return whether the character (or empty string) is written without spaces around it."""
    return bool(_IDEOGRAPH.match(character))
