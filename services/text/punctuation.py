"""Rules that decide whether a full stop, question mark or exclamation mark ends a sentence.

Every rule returns True, False, or None when it needs more characters. A decision never changes with later text, so it
does not depend on how a stream was chunked.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from services.text.character_classes import CLOSERS, EMOJI, OPENERS, WIDE_ENDS, is_ideograph

TAIL_LIMIT = 64  # spaces and emoji after a mark; more of them begin the next piece, so that waiting is bounded

END = re.compile(
    rf"(?P<marks>[.!?…{WIDE_ENDS}]{{1,64}})(?P<closers>[{CLOSERS}]{{0,16}})(?P<tail>[\s{EMOJI}]{{0,{TAIL_LIMIT}}})"
)
"""A mark with the closers and spaces after it; the next sentence begins at the end of the match."""

_NEVER = frozenset(
    "mr mrs ms mx dr prof messrs mme mlle e.g i.e eg viz cf vs v approx ca esp incl excl resp dept p.s".split()
)
"""Words whose full stop belongs to them: a name or the rest of the phrase follows."""
_TITLES = frozenset("Gen Col Sgt Capt Cpt Lt Cmdr Maj Adm Rev Hon Pres Gov Sen Rep Supt Mt Ft".split())
"""The same with a capital only: `Gen. Grant`, but `the next gen. Then`."""
_NUMBERED = frozenset("no nos nr fig figs p pp vol vols ch sec art eq op pt par".split())
"""Words whose full stop belongs to them if a number follows: `No. 5`, but `No. I won't.`"""
_MAYBE = frozenset(
    "inc ltd co corp bros al jr sr st ave blvd rd phd jan feb mar apr jun jul aug sep sept oct nov dec".split()
)
"""Words that end a sentence only if the next word looks like the start of one."""
_OPEN_ENDED = frozenset("etc a.m p.m".split())
"""Words that end a sentence if a capital follows, unless it is still the time of day (`5 p.m. Monday`)."""
_STARTERS = frozenset(
    "the a an i i'm i'll i've i'd he she it it's he's she's we we're they they're you you're this that these those "
    "there there's here but and so or if when while then what who why how where which in on at for from as my your "
    "our his her its their is are was were do did does can could will would not no yes maybe let let's please also "
    "after before because although however meanwhile today now once since until".split()
)
_TIME_WORDS = frozenset(
    "monday tuesday wednesday thursday friday saturday sunday est edt cst cdt mst mdt pst pdt et pt gmt utc cet".split()
)
_LONGEST = max(map(len, _STARTERS | _TIME_WORDS))

_OPENER_LIMIT = 3  # quotes and brackets that are skipped to find the next sentence's first letter
_WORD_BEFORE = re.compile(r"[^\W_](?:[\w.’']*\w)?\Z")
_WORD_AFTER = re.compile(rf"[{OPENERS}]{{0,{_OPENER_LIMIT}}}(?P<word>[^\W\d_](?:[^\W\d_]|['’](?=[^\W\d_]))*)")
_DOTTED = re.compile(r"(?:[^\W\d_]{1,2}\.)+[^\W\d_]{1,2}")
_ABBREVIATED = re.compile(r"[bcdfghjklmnpqrstvwxz]{2,4}", re.IGNORECASE)
_WORD_WINDOW = 32  # characters before a full stop that may hold its word


@dataclass(frozen=True)
class Surroundings:
    """The text around a mark, as the rules see it."""

    text: str
    """All text received so far."""
    start: int
    """Index of the first character of the piece; the rules do not look before it."""
    at: int
    """Index of the first mark."""
    after: int
    """Index where the next sentence would begin."""
    final: bool
    """Whether no more text will come."""
    starts_line: bool
    """Whether only a list marker's characters stand between the line's start and the mark."""

    @property
    def word(self) -> str:
        """The word before the mark, inner full stops included."""
        found = _WORD_BEFORE.search(self.text, max(self.start, self.at - _WORD_WINDOW), self.at)
        return found[0] if found else ""

    @property
    def next_letter(self) -> str:
        """The first letter or digit after the mark, quotes and brackets skipped; empty if there is none."""
        for character in self.text[self.after : self.after + _OPENER_LIMIT + 1]:
            if character.isalnum():
                return character
            if character not in OPENERS:
                break
        return ""


def ends_sentence(match: re.Match[str], *, start: int, final: bool, starts_line: bool) -> bool | None:
    """Return whether a match of `END` ends a sentence; None: more characters are needed.

    Args:
        match: A match of `END` in the text received so far.
        start: Index of the first character of the piece.
        final: Whether no more text will come.
        starts_line: Whether the mark follows what could be a list marker (`1`, `a`) at the start of a line.
    """
    here = Surroundings(match.string, start, match.start(), match.end(), final, starts_line)
    if len(here.text) - here.after < _lookahead(here) and not final:
        return None
    marks, closers, tail = match.group("marks", "closers", "tail")
    following = here.text[here.after : here.after + 1]
    if any(mark in WIDE_ENDS for mark in marks):
        return not (closers and following in ("と", "っ"))  # 「...！」と言った goes on after the quotation
    if not tail:
        before = here.text[here.at - 1 : here.at] if here.at > start else ""
        return following == "" or (marks != "." and (is_ideograph(following) or is_ideograph(before)))
    if tail.count("\n") > 1:
        return True
    if closers and here.next_letter.islower():
        return False  # "Really?" she asked.
    if marks == ".":
        return _full_stop(here)
    if "!" in marks or "?" in marks:
        return True
    return not here.next_letter.islower()  # an ellipsis: "Well... maybe"


def _lookahead(here: Surroundings) -> int:
    """Return how many characters after the mark must be known: the first letter, past quotes and brackets."""
    count = 1
    for character in here.text[here.after : here.after + _OPENER_LIMIT]:
        if character not in OPENERS:
            break
        count += 1
    return count


def _full_stop(here: Surroundings) -> bool | None:
    word = here.word
    known = word.lower()
    if here.starts_line and (word.isdecimal() or len(word) == 1):
        return False  # 1. of a list
    if known in _NEVER or word in _TITLES:
        return False
    if known in _NUMBERED:
        return not here.next_letter.isdecimal()
    if known in _OPEN_ENDED:
        following = _next_word(here)
        return None if following is None else here.next_letter.isupper() and following not in _TIME_WORDS
    if known in _MAYBE or _DOTTED.fullmatch(word) or (len(word) == 1 and word.isupper() and word != "I"):
        following = _next_word(here)
        return None if following is None else here.next_letter.isupper() and following in _STARTERS
    if _ABBREVIATED.fullmatch(word) and not word.isupper():  # 5 ft. tall, 2 tbsp. of
        return not (here.next_letter.islower() or here.next_letter.isdecimal())
    return True


def _next_word(here: Surroundings) -> str | None:
    """Return the word after the mark in lower case, empty if there is none, None if it may go on."""
    found = _WORD_AFTER.match(here.text, here.after)
    if found is None:
        return ""
    word = found["word"].lower().replace("’", "'")
    if len(word) == 1 and here.text[found.end() : found.end() + 1] == ".":
        return ""  # another initial
    ended = found.end() + 1 < len(here.text) or here.final  # one more, for the letter after an apostrophe
    return word if ended or len(word) > _LONGEST else None
