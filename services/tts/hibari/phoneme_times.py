"""Computes the times of phonemes and words from the durations that the network predicts for a phoneme string."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from services.tts.hibari.acoustic_model import SAMPLE_RATE, UNIT
from services.tts.hibari.pronunciation import PAUSES, PronouncedWord, Pronunciation
from services.tts.providers.speech_provider import PhonemeTime, WordTime
from services.tts.word_time_estimate import spread

LATENESS = round(0.055 * SAMPLE_RATE)
"""Samples by which the network's times lag behind its audio. Measured by correlating them with the audio's level."""
SHORT_PAUSE = 3 * UNIT  # 75 ms; shorter gaps between words are not pauses but the joint of two sounds
_STRESS = "ˈˌ"
_MODIFIERS = "ː\u0303ʰʲ"
_IPA = {
    "A": "eɪ", "I": "aɪ", "O": "oʊ", "Q": "əʊ", "W": "aʊ", "Y": "ɔɪ", "T": "ɾ",
    "ʤ": "dʒ", "ʧ": "tʃ", "ʣ": "dz", "ʦ": "ts", "ʥ": "dʑ", "ʨ": "tɕ", "ᵊ": "ə", "ᵻ": "ɨ",
}  # fmt: skip
"""Characters of the voice's alphabet (misaki's) that are not IPA."""


@dataclass(frozen=True)
class PhonemeSegment:
    """Phoneme characters that are one sound, or a pause."""

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


def segments(phonemes: str, durations: Sequence[int]) -> list[PhonemeSegment]:
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
        found.append(PhonemeSegment(first, last, symbol, max(edges[first + 1], 0), max(edges[last + 1], 0)))
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


def _joined(found: list[PhonemeSegment]) -> list[PhonemeSegment]:
    """Divide pauses that are too short between their neighbours."""
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


def snapped(
    found: list[PhonemeSegment], start: int, end: int, reach: int = round(0.15 * SAMPLE_RATE)
) -> list[PhonemeSegment]:
    """Return the segments with the first moved to the start of the audio, and the last to its end.

    Args:
        found: Segments of one sentence.
        start: First audible sample.
        end: One past the last audible sample.
        reach: Samples that an edge may move; one that is further off is left as it is.
    """
    moved = list(found)
    if moved and abs(moved[0].start - start) <= reach and start < moved[0].end:
        moved[0] = replace(moved[0], start=start)
    if moved and abs(moved[-1].end - end) <= reach and end > moved[-1].start:
        moved[-1] = replace(moved[-1], end=end)
    return moved


def phoneme_times(found: Sequence[PhonemeSegment]) -> list[PhonemeTime]:
    """Return the segments as phonemes."""
    return [PhonemeTime(segment.symbol, segment.start, segment.end) for segment in found]


def word_times(
    pronunciation: Pronunciation, texts: Sequence[str], found: Sequence[PhonemeSegment], start: int, end: int
) -> list[WordTime]:
    """Return when the words of a sentence are spoken.

    Words whose phonemes are unknown share the time that their neighbours leave, and are marked as estimated.

    Args:
        pronunciation: The words.
        texts: The text of each word of the request.
        found: Segments of the sentence; none: everything is estimated.
        start: First sample of its audio.
        end: One past the last.
    """
    known = [_span(word, found) for word in pronunciation.words]
    times: list[WordTime] = []
    for unknown, group in groupby(range(len(known)), key=lambda index: known[index] is None):
        indexes = list(group)
        if unknown:
            until = known[indexes[-1] + 1] if indexes[-1] + 1 < len(known) else None
            left, right = times[-1].end if times else start, until[0] if until else end
            spans = spread([texts[pronunciation.words[index].index] for index in indexes], left, max(left, right))
        else:
            spans = [span for index in indexes if (span := known[index]) is not None]
        for index, (first, last) in zip(indexes, spans, strict=True):
            word = pronunciation.words[index]
            times.append(WordTime(word.index, first, last, unknown or word.estimated))
    return times


def _span(word: PronouncedWord, found: Sequence[PhonemeSegment]) -> tuple[int, int] | None:
    own = [segment for segment in found if segment.symbol and word.first <= segment.first < word.last]
    return (own[0].start, own[-1].end) if own else None
