"""Text normalisation for speech: markup out, numbers as words, with the origin of every spoken character.

    result = spoken("**$5** for [tea](https://example.com)? 😀")
    result.text                # "five dollars for tea?"
    result.words[0]            # SpokenWord(start=0, end=12, origin_start=0, origin_end=6): "five dollars" for "**$5**"

The origins map the timing of a spoken word to the word of the original text that it stands for.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass

from services.text import emotion_tags, markup, numbers
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
class SpokenWord:
    """A word of the original text that is spoken; both spans are [start, end) in code points."""

    start: int
    """Span in the spoken text."""
    end: int
    origin_start: int
    """Span in the original text, punctuation and markup that touch the word included."""
    origin_end: int


@dataclass(frozen=True)
class Spoken:
    """The spoken form of a text."""

    text: str
    origins: tuple[int, ...]
    """For each character of `text` the index of the original character that it stands for; never decreasing."""
    words: tuple[SpokenWord, ...]
    """Words of the original that are spoken, whole or in part, in order."""


def spoken(text: str, *, expand: bool = True) -> Spoken:
    """Return the spoken form of `text`; empty if nothing of it is spoken.

    Args:
        text: As a language model writes it: markdown, emoji, *directions*, [emotion tags], addresses.
        expand: Write numbers and symbols as English words. Off for other languages and for voices that read them better
            by themselves.
    """
    traced = _without_markup(Traced.of(text))
    if expand:
        traced = _expanded(traced)
    traced = traced.rewrite(_DROPPED, lambda _: " ").rewrite(_SPACES, lambda _: " ").keep(_SPACE_BEFORE_MARK).stripped()
    if not any(map(str.isalnum, traced.text)):
        traced = Traced("", ())
    return Spoken(traced.text, tuple(traced.origins), _words(traced, text))


def words(text: str) -> tuple[tuple[int, int], ...]:
    """Return the span [start, end) of each word: the text between spaces, or one Chinese or Japanese character."""
    return tuple(match.span() for match in _WORD.finditer(text))


def _without_markup(traced: Traced) -> Traced:
    traced = traced.keep(markup.FENCE_END).keep(markup.FENCED).keep(markup.COMMENT).keep(markup.CONTROL)
    traced = traced.rewrite(emotion_tags.TAG, lambda _: " ")
    traced = traced.keep(markup.LINK, "text").keep(markup.FOOTNOTE).keep(markup.AUTOLINK, "address").keep(markup.TAG)
    traced = (
        traced.keep(markup.EMOTICON)
        .keep(markup.RULE)
        .rewrite(markup.LINE_MARKER, _item)
        .keep(markup.INLINE_CODE, "code")
    )
    traced = traced.rewrite(markup.SPAN, lambda match: " " if markup.is_direction(match) else match[0])
    traced = traced.rewrite(markup.PICTURES, lambda _: " ").keep(markup.ESCAPE, "character").keep(markup.EMPHASIS)
    return traced.rewrite(_LINE_BREAK, _pause).rewrite(_ADDRESS, _address).rewrite(_FILE, lambda m: f"{m[0][:-1]} dot ")


def _expanded(traced: Traced) -> Traced:
    traced = traced.rewrite(numbers.MONEY, numbers.money_words).rewrite(numbers.MONEY_AFTER, numbers.money_words)
    traced = (
        traced.rewrite(_HASH, lambda _: "number ").rewrite(_ABOUT, lambda _: "about ").rewrite(_RANGE, lambda _: " to ")
    )
    traced = traced.rewrite(_SYMBOL, lambda match: _SYMBOLS[match[0].strip()])
    traced = traced.rewrite(numbers.TIME, numbers.time_words).rewrite(numbers.VERSION, numbers.version_words)
    traced = traced.rewrite(numbers.ORDINAL, lambda match: numbers.ordinal(match["whole"]))
    traced = traced.rewrite(numbers.DECADE, numbers.decade_words)
    traced = traced.rewrite(numbers.YEAR, lambda match: numbers.year(match["year"]), "year")
    return traced.rewrite(numbers.NUMBER, numbers.number_words).rewrite(_SLASH, lambda _: " ")


def _pause(match: re.Match[str]) -> str:
    """Return a full stop for a line break, or a space where the line was only wrapped or ends with punctuation."""
    before, after = match.string[match.start() - 1], match.string[match.end()]
    wrapped = match[0].count("\n") == 1 and after.islower()
    return " " if wrapped or before in _SENTENCE_MARKS else ". "


def _item(match: re.Match[str]) -> str:
    """Return a line break for a line's marker, so that an item is not taken for the rest of the line before."""
    return "\n" if match[0].strip() else ""


def _address(match: re.Match[str]) -> str:
    if match["mail"]:
        return match["mail"].replace("@", " at ").replace(".", " dot ")
    return match["host"].removeprefix("www.").replace(".", " dot ")


def _words(traced: Traced, text: str) -> tuple[SpokenWord, ...]:
    """Return the words of `text` that have at least one letter or digit in `traced`."""
    spans = words(text)
    begins = [begin for begin, _ in spans]
    found: list[SpokenWord] = []
    for index, (character, origin) in enumerate(zip(traced.text, traced.origins, strict=True)):
        if not character.isalnum():
            continue
        begin, end = spans[max(0, bisect_right(begins, origin) - 1)]
        if found and found[-1].origin_start == begin:
            found[-1] = SpokenWord(found[-1].start, index + 1, begin, end)
        else:
            found.append(SpokenWord(index, index + 1, begin, end))
    return tuple(found)
