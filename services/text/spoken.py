"""What of a text is spoken, and which character of the original each spoken character stands for.

    heard = spoken("**$5** for [tea](https://example.com)? 😀")
    heard.text                # "five dollars for tea?"
    heard.words[0]            # Word(start=0, end=12, origin_start=0, origin_end=6): "five dollars" stands for "**$5**"

Timings of spoken words thereby become timings of the words of the original text.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass

from services.text import emotion_tags as feelings
from services.text import markup, numbers
from services.text.character_classes import IDEOGRAPHS, WIDE_ENDS, WIDE_PAUSES
from services.text.traced import Traced

_WORD = re.compile(rf"[{IDEOGRAPHS}][^\w\s]*|[^\s{IDEOGRAPHS}—]+[—{WIDE_ENDS}{WIDE_PAUSES}]*|—+")
_ADDRESS = re.compile(
    r"(?P<mail>\b[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+)"
    r"|\b(?:https?://|www\.)(?P<host>[\w-]{1,63}(?:\.[\w-]{1,63})*)(?::\d{1,5})?(?:[/?#][^\s<>\"”’)\]]{0,2000}?)?"
    r"(?=[.,;:!?…)\]]*(?:[\s<>\"”’)\]]|\Z))"
)
_FILE = re.compile(
    r"(?<![\w.])[\w-]{1,64}(?P<dot>\.)(?=(?:py|js|ts|md|txt|json|csv|wav|mp3|png|jpg|pdf|html|toml|yaml|exe|com|org|net|io|ai)\b)"
)
_SYMBOLS = {
    "%": " percent", "‰": " per mille", "°C": " degrees Celsius", "°F": " degrees Fahrenheit", "°": " degrees",
    "×": " times ", "÷": " divided by ", "±": " plus or minus ", "≈": " about ", "≠": " is not ", "≤": " at most ",
    "≥": " at least ", "=": " equals ", "+": " plus ", "@": " at ", "&": " and ", "§": " section ",
    "€": " euros", "£": " pounds",
}  # fmt: skip
_SYMBOL = re.compile(r"°[CF]\b|[%‰°×÷±≈≠≤≥§]|(?<=\s)[&=+@](?=\s)|(?<=\w)&(?=\w)|(?<=\d)\s?[€£]")
_HASH = re.compile(r"#(?=\d)")
_ABOUT = re.compile(r"(?<!\S)~(?=\d)")
_RANGE = re.compile(r"(?<=\d)–(?=\d)")
_SLASH = re.compile(r"(?<=\w)/(?=\w)")
_DROPPED = re.compile(r"[\\|^_<>{}\[\]#~]+")
_SENTENCE_MARKS = frozenset(f".!?…:;,{WIDE_ENDS}{WIDE_PAUSES}—–")
_LINE_BREAK = re.compile(r"(?<=\S)[^\S\n]*(?:\n[^\S\n]*)+(?=\S)")
_SPACES = re.compile(r"\s+")
_SPACE_BEFORE_MARK = re.compile(r"\s+(?=[.,;:!?](?:\s|\Z))")


@dataclass(frozen=True)
class Word:
    """A word of the original text that is spoken; both spans are [start, end) in code points."""

    start: int
    """Span in the spoken text."""
    end: int
    origin_start: int
    """Span in the original text, punctuation and markup that touch the word included."""
    origin_end: int


@dataclass(frozen=True)
class Spoken:
    """A text as it is said."""

    text: str
    origins: tuple[int, ...]
    """For each character of `text` the index of the original character that it stands for; never decreasing."""
    words: tuple[Word, ...]
    """The original's words of which something is said, in order."""


def spoken(text: str, *, expand: bool = True) -> Spoken:
    """Return what of `text` is said; empty if nothing is.

    Args:
        text: As the character would write it: markdown, emoji, *directions*, [feelings], addresses.
        expand: Write numbers and symbols as English words. Off for other languages and for voices that read them better
            by themselves.
    """
    said = _without_markup(Traced.of(text))
    if expand:
        said = _expanded(said)
    said = said.say(_DROPPED, lambda _: " ").say(_SPACES, lambda _: " ").keep(_SPACE_BEFORE_MARK).stripped()
    if not any(map(str.isalnum, said.text)):
        said = Traced("", ())
    return Spoken(said.text, tuple(said.origins), _words(said, text))


def words(text: str) -> tuple[tuple[int, int], ...]:
    """Return the span [start, end) of each word: what stands between spaces, or one Chinese or Japanese character."""
    return tuple(match.span() for match in _WORD.finditer(text))


def _without_markup(said: Traced) -> Traced:
    said = said.keep(markup.FENCE_END).keep(markup.FENCED).keep(markup.COMMENT).keep(markup.CONTROL)
    said = said.say(feelings.TAG, lambda _: " ")
    said = said.keep(markup.LINK, "text").keep(markup.FOOTNOTE).keep(markup.AUTOLINK, "address").keep(markup.TAG)
    said = said.keep(markup.EMOTICON).keep(markup.RULE).say(markup.LINE_MARKER, _item).keep(markup.INLINE_CODE, "code")
    said = said.say(markup.SPAN, lambda match: " " if markup.is_direction(match) else match[0])
    said = said.say(markup.PICTURES, lambda _: " ").keep(markup.ESCAPE, "character").keep(markup.EMPHASIS)
    return said.say(_LINE_BREAK, _pause).say(_ADDRESS, _address).say(_FILE, lambda m: f"{m[0][:-1]} dot ")


def _expanded(said: Traced) -> Traced:
    said = said.say(numbers.MONEY, numbers.say_money).say(numbers.MONEY_AFTER, numbers.say_money)
    said = said.say(_HASH, lambda _: "number ").say(_ABOUT, lambda _: "about ").say(_RANGE, lambda _: " to ")
    said = said.say(_SYMBOL, lambda match: _SYMBOLS[match[0].strip()])
    said = said.say(numbers.TIME, numbers.say_time).say(numbers.VERSION, numbers.say_version)
    said = said.say(numbers.ORDINAL, lambda match: numbers.ordinal(match["whole"]))
    said = said.say(numbers.DECADE, numbers.say_decade)
    said = said.say(numbers.YEAR, lambda match: numbers.year(match["year"]), "year")
    return said.say(numbers.NUMBER, numbers.say_number).say(_SLASH, lambda _: " ")


def _pause(match: re.Match[str]) -> str:
    """Return a line break as a pause, unless the line was only wrapped or has a mark of its own."""
    before, after = match.string[match.start() - 1], match.string[match.end()]
    wrapped = match[0].count("\n") == 1 and after.islower()
    return " " if wrapped or before in _SENTENCE_MARKS else ". "


def _item(match: re.Match[str]) -> str:
    """Return a line's marker as one more line break: an item is never the wrapped end of the line before."""
    return "\n" if match[0].strip() else ""


def _address(match: re.Match[str]) -> str:
    if match["mail"]:
        return match["mail"].replace("@", " at ").replace(".", " dot ")
    return match["host"].removeprefix("www.").replace(".", " dot ")


def _words(said: Traced, text: str) -> tuple[Word, ...]:
    """Return the words of `text` that have at least one letter or digit in `said`."""
    spans = words(text)
    begins = [begin for begin, _ in spans]
    found: list[Word] = []
    for index, (character, origin) in enumerate(zip(said.text, said.origins, strict=True)):
        if not character.isalnum():
            continue
        begin, end = spans[max(0, bisect_right(begins, origin) - 1)]
        if found and found[-1].origin_start == begin:
            found[-1] = Word(found[-1].start, index + 1, begin, end)
        else:
            found.append(Word(index, index + 1, begin, end))
    return tuple(found)
