"""The lengths that the network gave to the characters of a phoneme string become times of phonemes and of words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from services.tts.estimate import spread
from services.tts.hibari.acoustic_model import SAMPLE_RATE, UNIT
from services.tts.hibari.pronunciation import PAUSES, Reading, ReadWord
from services.tts.providers.speech_provider import Phoneme, Word

LATENESS = round(0.055 * SAMPLE_RATE)
"""Samples by which the network's times lie behind its sound. Measured by correlating them with the sound's level."""
SHORT_PAUSE = 3 * UNIT  # 75 ms; shorter gaps between words are no pause but the joint of two sounds
_STRESS = "ˈˌ"
_MODIFIERS = "ː\u0303ʰʲ"
_IPA = {
    "A": "eɪ", "I": "aɪ", "O": "oʊ", "Q": "əʊ", "W": "aʊ", "Y": "ɔɪ", "T": "ɾ",
    "ʤ": "dʒ", "ʧ": "tʃ", "ʣ": "dz", "ʦ": "ts", "ʥ": "dʑ", "ʨ": "tɕ", "ᵊ": "ə", "ᵻ": "ɨ",
}  # fmt: skip
"""Characters of the voice's alphabet (misaki's) that are not IPA."""


@dataclass(frozen=True)
class Segment:
    """A run of phoneme characters with one sound, or a pause."""

    first: int
    """Index of its first character."""
    last: int
    """One past its last."""
    symbol: str
    """IPA; empty for a pause."""
    start: int
    """First sample."""
    end: int
    """One past the last sample."""


def segments(phonemes: str, durations: Sequence[int]) -> list[Segment]:
    """Return the sounds of a phoneme string with their times, without the silence at both ends.

    A stress mark belongs to the vowel behind it, a length mark to the one before; pauses in a row are one, and one
    shorter than `SHORT_PAUSE` is shared by its neighbours.

    Args:
        phonemes: The string.
        durations: Steps of `UNIT` samples of each character, with one more for the silence at either end.
    """
    edges = [-LATENESS]
    for duration in durations:
        edges.append(edges[-1] + int(duration) * UNIT)
    found = []
    for first, last in _runs(phonemes):
        text = phonemes[first:last]
        symbol = "" if text[0] in PAUSES else "".join(_IPA.get(character, character) for character in text)
        found.append(Segment(first, last, symbol, max(edges[first + 1], 0), max(edges[last + 1], 0)))
    while found and not found[0].symbol:
        found.pop(0)
    while found and not found[-1].symbol:
        found.pop()
    return _joined(found)


def _runs(phonemes: str) -> list[tuple[int, int]]:
    """Return the spans of characters that sound, or pause, as one."""
    runs: list[tuple[int, int]] = []
    for pause, places in groupby(range(len(phonemes)), key=lambda place: phonemes[place] in PAUSES):
        inside = list(places)
        if pause:
            runs.append((inside[0], inside[-1] + 1))
            continue
        start = inside[0]
        for place in inside:
            following = phonemes[place + 1 : place + 2]
            if place == inside[-1] or (phonemes[place] not in _STRESS and following not in _MODIFIERS):
                runs.append((start, place + 1))
                start = place + 1
    return runs


def _joined(found: list[Segment]) -> list[Segment]:
    """Share pauses that are none between their neighbours."""
    joined = list(found)
    for index in range(len(joined) - 2, 0, -1):
        gap = joined[index]
        if gap.symbol or gap.end - gap.start >= SHORT_PAUSE:
            continue
        middle = (gap.start + gap.end) // 2
        joined[index - 1] = replace(joined[index - 1], end=middle)
        joined[index + 1] = replace(joined[index + 1], start=middle)
        del joined[index]
    return joined


def snapped(found: list[Segment], start: int, end: int, reach: int = round(0.15 * SAMPLE_RATE)) -> list[Segment]:
    """Return the segments with the first beginning where the sound does, and the last ending where it does.

    Args:
        found: Segments of one sentence.
        start: First audible sample.
        end: One past the last audible sample.
        reach: Samples that an edge may move; what lies further off is no matter of precision.
    """
    moved = list(found)
    if moved and abs(moved[0].start - start) <= reach and start < moved[0].end:
        moved[0] = replace(moved[0], start=start)
    if moved and abs(moved[-1].end - end) <= reach and end > moved[-1].start:
        moved[-1] = replace(moved[-1], end=end)
    return moved


def phoneme_times(found: Sequence[Segment]) -> list[Phoneme]:
    """Return the segments as phonemes."""
    return [Phoneme(segment.symbol, segment.start, segment.end) for segment in found]


def word_times(reading: Reading, texts: Sequence[str], found: Sequence[Segment], start: int, end: int) -> list[Word]:
    """Return when the words of a reading are spoken.

    Words whose phonemes are not known share the time that their neighbours leave, and are marked as estimated.

    Args:
        reading: The words.
        texts: What each word of the line is written as.
        found: Segments of the reading; none: everything is estimated.
        start: First sample of its sound.
        end: One past the last.
    """
    known = [_span(word, found) for word in reading.words]
    times: list[Word] = []
    for unknown, group in groupby(range(len(known)), key=lambda index: known[index] is None):
        indexes = list(group)
        if unknown:
            until = known[indexes[-1] + 1] if indexes[-1] + 1 < len(known) else None
            left, right = times[-1].end if times else start, until[0] if until else end
            spans = spread([texts[reading.words[index].index] for index in indexes], left, max(left, right))
        else:
            spans = [span for index in indexes if (span := known[index]) is not None]
        for index, (first, last) in zip(indexes, spans, strict=True):
            word = reading.words[index]
            times.append(Word(word.index, first, last, unknown or word.estimated))
    return times


def _span(word: ReadWord, found: Sequence[Segment]) -> tuple[int, int] | None:
    own = [segment for segment in found if segment.symbol and word.first <= segment.first < word.last]
    return (own[0].start, own[-1].end) if own else None
