"""The phone alphabet of the training, and the mapping of each voice's own alphabet to it.

Timed phones are lists of `Segment`s in ARPAbet with AX, DX, Q and SIL; diphthongs are one phone.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

CONSONANTS = "P B M F V TH DH T D N L DX S Z SH ZH CH JH K G NG HH R W Y Q".split()
VOWELS = "AA AE AH AO AX EH ER IH IY UH UW EY AY OW AW OY".split()
PHONES = ("SIL", *VOWELS, *CONSONANTS)
"""In the order of the network's phone scores."""

SHORTEST_PAUSE = 0.075
"""Seconds; a gap shorter than this is no pause, and is divided between its neighbours."""

MISAKI = dict(
    zip(
        "A I O Q W Y i u æ ɑ a ɒ ɔ ə ᵊ ɐ ɛ ɜ ɚ ɪ ᵻ ʊ ʌ p b m f v θ ð t d n l ɾ T s z ʃ ʒ ʧ ʤ k ɡ ŋ h ɹ r w j ʔ".split(),
        "EY AY OW OW AW OY IY UW AE AA AA AA AO AX AX AX EH ER ER IH IH UH AH P B M F V TH DH T D N L DX DX S Z SH "
        "ZH CH JH K G NG HH R R W Y Q".split(),
        strict=True,
    )
)
"""Kokoro's phoneme letters (misaki, US and GB) to phones."""
_IPA_DIPHTHONGS = dict(
    zip(
        "eɪ aɪ oʊ əʊ aʊ ɔɪ ai ei oi au ou eu tʃ dʒ ts dz".split(),
        "EY AY OW OW AW OY AY EY OY AW OW EH CH JH T D".split(),
        strict=True,
    )
)
_IPA = MISAKI | dict(
    zip(
        "e o y ø œ ɨ ɯ ɘ ɵ ɤ g ɣ x χ ç ħ c ɟ q ʁ ʀ ʋ β ɸ ɲ ɳ ʎ ɫ ɬ ʂ ʐ ɕ ʑ ʈ ɖ ɽ ɻ ʉ ʝ ʍ".split(),
        "EH AO UW UH UH IH IH AX UH AH G G K K Y HH K G K K K V V F N N L L L SH ZH SH ZH T D DX R UW Y W".split(),
        strict=True,
    )
)
"""IPA letters to phones: each to the English one that looks most like it (French "u" to UW, German "ch" to K)."""
STRESS = {"ˈ": 1, "ˌ": 2}
"""Primary and secondary stress marks to the digits used below."""


@dataclass(frozen=True)
class Segment:
    """One phone and its time."""

    phone: str
    """One of `PHONES`."""
    start: float
    """Seconds."""
    end: float
    """Seconds."""
    stress: int = 0
    """1 primary, 2 secondary, 0 none; meaningful for vowels."""

    def shifted(self, seconds: float) -> Segment:
        """Return the segment moved later by `seconds`."""
        return replace(self, start=self.start + seconds, end=self.end + seconds)


def without_gaps(segments: Iterable[Segment]) -> list[Segment]:
    """Return segments with adjacent pauses joined, and short ones divided between their neighbours."""
    joined: list[Segment] = []
    for segment in segments:
        if joined and segment.phone == joined[-1].phone == "SIL":
            joined[-1] = replace(joined[-1], end=segment.end)
        elif segment.end > segment.start:
            joined.append(segment)
    kept: list[Segment] = []
    for index, segment in enumerate(joined):
        inside = 0 < index < len(joined) - 1
        if inside and segment.phone == "SIL" and segment.end - segment.start < SHORTEST_PAUSE:
            middle = (segment.start + segment.end) / 2
            kept[-1] = replace(kept[-1], end=middle)
            joined[index + 1] = replace(joined[index + 1], start=middle)
        else:
            kept.append(segment)
    return kept


def from_misaki(letters: str, seconds: Iterable[float]) -> list[Segment]:
    """Return the segments of a phoneme string.

    Args:
        letters: misaki letters, stress marks, spaces and punctuation.
        seconds: how long each letter lasts.
    """
    segments: list[Segment] = []
    now = begun = 0.0
    stress = 0
    for letter, duration in zip(letters, seconds, strict=True):
        now += duration
        if letter in STRESS:  # a mark's own time belongs to the sound it marks
            stress = STRESS[letter]
            continue
        if letter == "ː":  # lengthens the phone before it
            if segments:
                segments[-1] = replace(segments[-1], end=now)
        else:
            segments.append(Segment(MISAKI.get(letter, "SIL"), begun, now, stress))
        begun, stress = now, 0
    return without_gaps(_merge_er(segments))


def from_ipa(names: Sequence[str], edges: Iterable[float], stresses: Sequence[int] = ()) -> list[Segment]:
    """Return the segments of phones named in IPA.

    Args:
        names: such as "eɪ", "ɑː" or "tʲ"; of an unknown one its first known letter counts, and none is a pause.
        edges: seconds; phone i lasts from edge i to edge i + 1.
        stresses: of each phone; where none are given, every vowel but a schwa counts as half stressed.
    """
    segments = []
    marks = stresses or [2] * len(names)
    for name, stress, (start, end) in zip(names, marks, itertools.pairwise(edges), strict=True):
        phone = _IPA_DIPHTHONGS.get(name[:2]) or next((_IPA[letter] for letter in name if letter in _IPA), "SIL")
        segments.append(Segment(phone, start, end, 0 if phone == "AX" else stress))
    return without_gaps(_merge_er(segments))


def _merge_er(segments: list[Segment]) -> list[Segment]:
    """Return the segments with the r of "ɜɹ" merged into its vowel: they are one phone."""
    merged: list[Segment] = []
    for segment in segments:
        if merged and segment.phone == "R" and merged[-1].phone == "ER":
            merged[-1] = replace(merged[-1], end=segment.end)
        else:
            merged.append(segment)
    return merged
