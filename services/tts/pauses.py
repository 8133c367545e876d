"""The silence after a text, by the punctuation at its end."""

from __future__ import annotations

import re
from dataclasses import dataclass

_CLOSING = "\"'”’»)]}*_ \t\r\n"  # what may stand behind the mark that ends a sentence
_PARAGRAPH = re.compile(r"\n[ \t\r]*\n\s*$")
_ELLIPSES = ("...", "…")
_SENTENCE = ".!?。！？"
_CLAUSE = ",;:—–，、；："


@dataclass(frozen=True)
class Pauses:
    """Seconds of silence after each kind of ending."""

    clause: float = 0.16
    sentence: float = 0.38
    paragraph: float = 0.65
    """Also after an ellipsis."""
    unmarked: float = 0.06

    def after(self, text: str, gap: str = "") -> float:
        """Return the pause (seconds) after `text`; `gap` is the white space that follows it, if known.

        A line break without a mark ends a sentence, as in lists and headings.
        """
        end = text.rstrip(_CLOSING)
        space = text[len(end) :] + gap
        if _PARAGRAPH.search(space) or end.endswith(_ELLIPSES):
            return self.paragraph
        if end.endswith(tuple(_SENTENCE)) or "\n" in space:
            return self.sentence
        return self.clause if end.endswith(tuple(_CLAUSE)) else self.unmarked
