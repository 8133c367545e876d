"""The transcript of a turn: its sentences, where each lies in the sound, and which words were heard by a sample."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

CHARACTERS_PER_SECOND = 13.0  # of English read aloud, spaces included; assumed where nothing was measured
_WORD = re.compile(r"\w[^\s]*")


@dataclass(frozen=True)
class TranscriptWord:
    """One spoken word; samples count from the start of the turn, characters from the start of the reply."""

    text: str
    start_char: int
    end_char: int
    start_sample: int
    end_sample: int
    estimated: bool


@dataclass
class TranscriptSentence:
    """One sentence of the reply and its sound."""

    text: str
    start_char: int
    start_sample: int
    end_sample: int | None = None
    """One past its last sample, pause included; None while it is still being made."""
    is_broken: bool = False
    """Whether its sound broke off before its last word."""
    words: list[TranscriptWord] = field(default_factory=list)

    def heard_text(self, sample: int) -> str:
        """Return the part whose words had ended by `sample`: all of it, or up to the end of a word."""
        heard = [word for word in self.words if word.end_sample <= sample]
        if self.end_sample is not None and not self.is_broken and len(heard) == len(self.words):
            return self.text if self.words or sample >= self.end_sample else ""
        return self.text[: heard[-1].end_char - self.start_char] if heard else ""


class Transcript:
    """The sentences of one turn, in the order they are spoken."""

    def __init__(self) -> None:
        self.sentences: list[TranscriptSentence] = []
        self._heard_count = 0

    def begin(self, text: str, start_char: int, start_sample: int) -> TranscriptSentence:
        """Add the next sentence, whose sound begins at `start_sample`."""
        sentence = TranscriptSentence(text, start_char, start_sample)
        self.sentences.append(sentence)
        return sentence

    def add_words(self, words: Iterable[TranscriptWord]) -> None:
        """Add words of the newest sentence, in their order."""
        self.sentences[-1].words.extend(words)

    def finish(self, end_sample: int, *, is_broken: bool) -> TranscriptSentence:
        """Note that the sound of the newest sentence ends before `end_sample`, and return the sentence."""
        sentence = self.sentences[-1]
        sentence.end_sample, sentence.is_broken = end_sample, is_broken
        if is_broken:  # words whose sound did not come are not spoken
            sentence.words = [word for word in sentence.words if word.end_sample <= end_sample]
        return sentence

    def newly_heard(self, sample: int) -> list[TranscriptWord]:
        """Return the words that ended between the last call and `sample`, each exactly once."""
        words = [word for sentence in self.sentences for word in sentence.words]
        heard = sum(word.end_sample <= sample for word in words)
        new, self._heard_count = words[self._heard_count : heard], max(heard, self._heard_count)
        return new

    def lacks_words(self, sample: int) -> bool:
        """Return whether the times of words that lie before `sample` have not come yet."""
        return any(
            sentence.end_sample is None and not sentence.words and sentence.start_sample < sample
            for sentence in self.sentences
        )

    def estimate(self, sample: int, rate: int) -> None:
        """Give words to sentences that broke off before their times came, at the pace of the others.

        Args:
            sample: Words that would end later are left out: nobody has heard them.
            rate: Samples a second.
        """
        pace = self._pace() or CHARACTERS_PER_SECOND / rate
        for sentence in self.sentences:
            if not sentence.words and (sentence.is_broken or sentence.end_sample is None):
                made = sample if sentence.end_sample is None else min(sample, sentence.end_sample)
                sentence.words = [word for word in _estimated(sentence, pace) if word.end_sample <= made]

    def _pace(self) -> float:
        """Return the characters a sample of the sentences whose times are known; 0 if there are none."""
        known = [sentence for sentence in self.sentences if sentence.words and not sentence.is_broken]
        samples = sum(sentence.words[-1].end_sample - sentence.start_sample for sentence in known)
        return (
            sum(sentence.words[-1].end_char - sentence.start_char for sentence in known) / samples if samples else 0.0
        )

    def heard_text(self, sample: int) -> str:
        """Return what was heard by `sample`: whole words only."""
        return "".join(sentence.heard_text(sample) for sentence in self.sentences).strip()


def _estimated(sentence: TranscriptSentence, pace: float) -> list[TranscriptWord]:
    """Return the words of a sentence spoken at `pace` characters a sample."""
    return [
        TranscriptWord(
            match[0],
            sentence.start_char + match.start(),
            sentence.start_char + match.end(),
            sentence.start_sample + round(match.start() / pace),
            sentence.start_sample + round(match.end() / pace),
            estimated=True,
        )
        for match in _WORD.finditer(sentence.text)
    ]
