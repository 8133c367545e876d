"""Estimates when words are spoken, for providers that do not report it: each gets time by its length and spelling."""

from __future__ import annotations

import re
from collections.abc import Sequence

_VOWELS = re.compile(r"[aeiouyàâäéèêëîïôöùûü]+", re.IGNORECASE)
_DIGIT_WEIGHT = 3.5  # "seven": a digit is about a syllable and a half of its own
_VOWEL_WEIGHT = 1.6  # a vowel lasts about as long as one and a half consonants, however it is spelt
_CONSONANT_WEIGHT = 0.8  # doubled and silent letters: fewer sounds than letters
_WIDE_WEIGHT = 2.5  # one character of Chinese, Japanese or Korean is a syllable
_PAUSES = {",": 2.0, ";": 2.5, ":": 2.5, ".": 4.0, "!": 4.0, "?": 4.0, "…": 4.0}


def weight(word: str) -> float:
    """Return about how long `word` takes, in consonants; more than 0."""
    vowels = len(_VOWELS.findall(word))
    letters = sum(character.isalpha() for character in word)
    wide = sum(character.isalpha() and ord(character) >= 0x2E80 for character in word)
    digits = sum(character.isdigit() for character in word)
    consonants = letters - wide - sum(len(run) for run in _VOWELS.findall(word))
    return max(
        1.0,
        vowels * _VOWEL_WEIGHT + consonants * _CONSONANT_WEIGHT + digits * _DIGIT_WEIGHT + wide * _WIDE_WEIGHT,
    )


def spread(words: Sequence[str], start: int, end: int) -> list[tuple[int, int]]:
    """Return (start, end) in samples of each word, in order, within `start` to `end`.

    Punctuation at the end of a word, the last one excepted, leaves a pause behind it.
    """
    gaps = [_PAUSES.get(word[-1:], 0.0) for word in words]
    gaps[-1:] = [0.0] if words else []
    total = sum(map(weight, words)) + sum(gaps)
    spans, passed = [], 0.0
    for word, gap in zip(words, gaps, strict=True):
        first = passed
        passed += weight(word)
        spans.append(tuple(start + round((end - start) * part / total) for part in (first, passed)))
        passed += gap
    return [(first, last) for first, last in spans]
