"""Numbers to English words, where only one pronunciation is right: counts, decimals, ordinals, years, times, money."""

from __future__ import annotations

import re

_SMALL = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
).split()
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()
_SCALES = ((10**12, "trillion"), (10**9, "billion"), (10**6, "million"), (10**3, "thousand"), (100, "hundred"))
_LARGEST = 10**15  # larger ones are spoken digit by digit
_ORDINALS = {
    "one": "first", "two": "second", "three": "third", "five": "fifth", "eight": "eighth", "nine": "ninth",
    "twelve": "twelfth",
}  # fmt: skip
_CURRENCIES = {
    "$": ("dollar", "dollars", "cent", "cents"),
    "€": ("euro", "euros", "cent", "cents"),
    "£": ("pound", "pounds", "penny", "pence"),
    "¥": ("yen", "yen", "", ""),
}

_DIGITS = r"(?:\d{1,3}(?:,\d{3})+|\d+)(?![\d])"
MONEY = re.compile(
    rf"(?P<sign>[$€£¥])\s?(?P<whole>{_DIGITS})(?:\.(?P<part>\d+))?(?P<scale>\s(?:thousand|million|billion|trillion)\b)?"
)
"""$5, $3.50, €1,000, $2.5 million."""
MONEY_AFTER = re.compile(rf"(?<![\w.,])(?P<whole>{_DIGITS})(?:\.(?P<part>\d+))?\s?(?P<sign>[€£])(?!\w)(?P<scale>)")
"""5 €."""
TIME = re.compile(r"(?<![\w:.])(?P<hour>[01]?\d|2[0-4]):(?P<minute>[0-5]\d)(?P<half>\s?[ap]\.?m\b)?(?![\d:])", re.I)
"""10:30, 9:05 am."""
ORDINAL = re.compile(r"(?<![\w.,])(?P<whole>\d{1,3}(?:,\d{3})+|\d{1,15})(?:st|nd|rd|th)\b", re.I)
"""1st, 22nd."""
DECADE = re.compile(r"(?<![\w.,])(?P<century>1[1-9]|20)(?P<decade>\d)0['’]?s\b")
"""1990s."""
YEAR = re.compile(
    r"(?P<cue>\b(?:in|since|until|by|from|of|year|before|after|around|early|late|mid|"
    r"january|february|march|april|may|june|july|august|september|october|november|december)\s"
    r"(?:\d{1,2}(?:st|nd|rd|th)?,\s)?)(?P<year>1[1-9]\d\d|20\d\d)(?![\w,.:%-]\w|\w|\s(?:people|of|million|percent))",
    re.I,
)
"""A year where a word before it says so: `in 1984`, `March 3, 2021`."""
VERSION = re.compile(r"(?<![\w.,])v?(?P<parts>\d+(?:\.\d+){2,})(?!\w|\.\d)", re.I)
"""1.2.3, v2.0.1."""
NUMBER = re.compile(rf"(?P<minus>(?<![\w)])[-−](?=\d))?(?P<whole>(?<![\w]){_DIGITS})(?:\.(?P<part>\d+))?")
"""42, 1,000, 3.14, -5."""


def cardinal(number: int) -> str:
    """Return a whole number of 0 or more in words: 1105 is `one thousand one hundred five`."""
    if number < 20:
        return _SMALL[number]
    if number < 100:
        tens = _TENS[number // 10 - 2]
        return f"{tens}-{_SMALL[number % 10]}" if number % 10 else tens
    for scale, name in _SCALES:
        if number >= scale:
            head = f"{cardinal(number // scale)} {name}"
            return f"{head} {cardinal(number % scale)}" if number % scale else head
    raise AssertionError("every number of 100 or more has a scale")


def digits(text: str) -> str:
    """Return digits one by one: `007` is `zero zero seven`."""
    return " ".join(_SMALL[int(character)] for character in text)


def whole(text: str) -> str:
    """Return a whole number, with or without thousands separators, in words."""
    plain = text.replace(",", "")
    if len(plain) >= len(str(_LARGEST)) or (len(plain) > 1 and plain[0] == "0"):
        return digits(plain)
    return cardinal(int(plain))


def ordinal(text: str) -> str:
    """Return the ordinal of a whole number: `22` is `twenty-second`."""
    words = whole(text)
    cut = max(words.rfind(" "), words.rfind("-")) + 1
    last = words[cut:]
    last = _ORDINALS.get(last) or (f"{last[:-1]}ieth" if last.endswith("y") else f"{last}th")
    return words[:cut] + last


def year(text: str) -> str:
    """Return a year of four digits as it is spoken: `1984` is `nineteen eighty-four`, `2005` is `two thousand five`."""
    century, rest = int(text[:2]), int(text[2:])
    if text[2:] == "00":
        return cardinal(int(text)) if text[1] == "0" else f"{cardinal(century)} hundred"
    if text[1] == "0" and rest < 10:
        return cardinal(int(text))
    return f"{cardinal(century)} {'oh ' if rest < 10 else ''}{cardinal(rest)}"


def number_words(match: re.Match[str]) -> str:
    """Return a match of `NUMBER` in words."""
    minus = "minus " if match["minus"] else ""
    part = f" point {digits(match['part'])}" if match["part"] else ""
    unit = " " if match.string[match.end() : match.end() + 1].isalpha() else ""  # 5kg
    return f"{minus}{whole(match['whole'])}{part}{unit}"


def money_words(match: re.Match[str]) -> str:
    """Return a match of `MONEY` or `MONEY_AFTER` in words."""
    one, many, small, smalls = _CURRENCIES[match["sign"]]
    amount, part, scale = match["whole"], match["part"], match["scale"]
    if scale or (part and (len(part) != 2 or not small)):
        fraction = f" point {digits(part)}" if part else ""
        return f"{whole(amount)}{fraction}{scale or ''} {many}"
    words = f"{whole(amount)} {one if amount == '1' else many}"
    if part and int(part):
        return f"{words} and {cardinal(int(part))} {small if int(part) == 1 else smalls}"
    return words


def time_words(match: re.Match[str]) -> str:
    """Return a match of `TIME` in words."""
    hour, minute, half = cardinal(int(match["hour"])), match["minute"], match["half"] or ""
    if minute == "00":
        words = hour if half else f"{hour} o'clock"
    elif minute[0] == "0":
        words = f"{hour} oh {cardinal(int(minute))}"
    else:
        words = f"{hour} {cardinal(int(minute))}"
    return words + (half if half[:1].isspace() else f" {half}" if half else "")


def decade_words(match: re.Match[str]) -> str:
    """Return a match of `DECADE` in words: `1990s` is `nineteen nineties`."""
    century, decade = int(match["century"]), int(match["decade"])
    if decade == 0:
        return "two thousands" if century == 20 else f"{cardinal(century)} hundreds"
    tens = "ten" if decade == 1 else _TENS[decade - 2]
    return f"{cardinal(century)} {f'{tens[:-1]}ies' if tens.endswith('y') else f'{tens}s'}"


def version_words(match: re.Match[str]) -> str:
    """Return a match of `VERSION` in words."""
    parts = " point ".join(whole(part) for part in match["parts"].split("."))
    return f"version {parts}" if match[0][0] in "vV" else parts
