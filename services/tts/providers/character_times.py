"""Combines the times of single characters, as ElevenLabs sends them in pieces, to times of whole words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from services.tts.providers.speech_provider import Span, WordTime
from services.tts.word_time_estimate import spread

_REACH = 16  # characters to look ahead for one that is not the next; a provider may leave some out
_BACKWARD_SECONDS = 0.02  # a start this much before the last one means that times began again at zero


@dataclass
class _Pending:
    """A word that has not been returned yet."""

    index: int
    span: Span
    start: int | None = None
    end: int = 0


class CharacterTimes:
    """Collects the times of one text at one rate."""

    def __init__(self, text: str, words: Sequence[Span], sample_rate: int) -> None:
        """Expect characters of `text` and wait for its `words`; seconds become samples at `sample_rate` Hz."""
        self._text = text
        self._rate = sample_rate
        self._cursor = 0  # the next character of the text
        self._base = 0.0  # seconds that times of the current piece count from
        self._latest = 0.0  # last start, seconds
        self._last_end = 0  # end of the last word returned, samples
        self._pending = [_Pending(index, span) for index, span in enumerate(words)]

    def push(
        self, characters: Sequence[str], starts: Sequence[float], ends: Sequence[float], sample: int
    ) -> list[WordTime]:
        """Return the words that a piece completes.

        Args:
            characters: Characters of the text, in order; one may hold several code points.
            starts: When each begins, seconds from the start of the audio, or of this piece.
            ends: When each ends.
            sample: Samples of audio that came before this piece.
        """
        if not characters or not len(characters) == len(starts) == len(ends):
            return []
        if starts[0] + self._base < self._latest - _BACKWARD_SECONDS:
            self._base = sample / self._rate
        for character, start, end in zip(characters, starts, ends, strict=True):
            self._place(character, max(start + self._base, self._latest), end + self._base)
        return self._complete()

    def end(self, sample: int) -> list[WordTime]:
        """Return the words that are left; the audio has ended at `sample`."""
        left, self._pending = self._pending, []
        return self._filled(left, sample)

    def _place(self, character: str, start: float, end: float) -> None:
        at = self._text.find(character, self._cursor, self._cursor + _REACH + len(character))
        if at < 0 or (character.isspace() and at > self._cursor):
            return  # the provider's own addition, such as a space in front
        self._cursor = at + len(character)
        self._latest = start
        for word in self._pending:
            if word.span[0] <= at < word.span[1]:
                word.start = round(start * self._rate) if word.start is None else word.start
                word.end = max(word.end, round(max(end, start) * self._rate))
            if word.span[1] > at:
                break

    def _complete(self) -> list[WordTime]:
        """Return the words that lie before the cursor, up to the last one whose time is known."""
        passed = [index for index, word in enumerate(self._pending) if word.span[1] <= self._cursor]
        known = [index for index in passed if self._pending[index].start is not None]
        count = known[-1] + 1 if known else 0
        done, self._pending = self._pending[:count], self._pending[count:]
        return self._filled(done, self._last_end)

    def _filled(self, group: Sequence[_Pending], until: int) -> list[WordTime]:
        """Return words with times; those without share what lies between their neighbours, the last end at `until`."""
        found: list[WordTime] = []
        unknown: list[_Pending] = []
        for word in group:
            if word.start is None:
                unknown.append(word)
                continue
            start = max(word.start, self._last_end)
            found += self._shared(unknown, start)
            unknown = []
            self._last_end = max(word.end, start)
            found.append(WordTime(word.index, start, self._last_end))
        return found + self._shared(unknown, max(until, self._last_end))

    def _shared(self, unknown: Sequence[_Pending], until: int) -> list[WordTime]:
        texts = [self._text[slice(*word.span)] for word in unknown]
        spans = spread(texts, self._last_end, max(until, self._last_end))
        self._last_end = spans[-1][1] if spans else self._last_end
        return [
            WordTime(word.index, start, end, estimated=True) for word, (start, end) in zip(unknown, spans, strict=True)
        ]
