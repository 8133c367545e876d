"""What a turn says: its sentences, where each lies in the sound, and which words were heard by a given sample."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

CHARACTERS_PER_SECOND = 13.0  # of English read aloud, spaces included; assumed where nothing was measured
_WORD = re.compile(r"\w[^\s]*")


@dataclass(frozen=True)
class Word:
    """One spoken word; samples count from the start of the turn, characters from the start of the reply."""

    text: str
    start_char: int
    end_char: int
    start_sample: int
    end_sample: int
    estimated: bool


@dataclass
class Line:
    """One sentence of the reply and its sound."""

    text: str
    start_char: int
    start_sample: int
    end_sample: int | None = None
    """One past its last sample, pause included; None while it is still being made."""
    broken: bool = False
    """Whether its sound broke off before its last word."""
    words: list[Word] = field(default_factory=list)

    def heard_text(self, sample: int) -> str:
        """Return the part whose words had ended by `sample`: all of it, or up to the end of a word."""
        heard = [word for word in self.words if word.end_sample <= sample]
        if self.end_sample is not None and not self.broken and len(heard) == len(self.words):
            return self.text if self.words or sample >= self.end_sample else ""
        return self.text[: heard[-1].end_char - self.start_char] if heard else ""


class Script:
    """The sentences of one turn, in the order they are spoken."""

    def __init__(self) -> None:
        self.lines: list[Line] = []
        self._heard_count = 0

    def begin(self, text: str, start_char: int, start_sample: int) -> Line:
        """Add the next sentence, whose sound begins at `start_sample`."""
        line = Line(text, start_char, start_sample)
        self.lines.append(line)
        return line

    def newly_heard(self, sample: int) -> list[Word]:
        """Return the words that ended between the last call and `sample`, each exactly once."""
        words = [word for line in self.lines for word in line.words]
        heard = sum(word.end_sample <= sample for word in words)
        new, self._heard_count = words[self._heard_count : heard], max(heard, self._heard_count)
        return new

    def lacks_words(self, sample: int) -> bool:
        """Return whether the times of words that lie before `sample` have not come yet."""
        return any(line.end_sample is None and not line.words and line.start_sample < sample for line in self.lines)

    def estimate(self, sample: int, rate: int) -> None:
        """Give words to sentences that broke off before their times came, at the pace of the others.

        Args:
            sample: Words that would end later are left out: nobody has heard them.
            rate: Samples a second.
        """
        pace = self._pace() or CHARACTERS_PER_SECOND / rate
        for line in self.lines:
            if not line.words and (line.broken or line.end_sample is None):
                made = sample if line.end_sample is None else min(sample, line.end_sample)
                line.words = [word for word in _estimated(line, pace) if word.end_sample <= made]

    def _pace(self) -> float:
        """Return the characters a sample of the sentences whose times are known; 0 if there are none."""
        known = [line for line in self.lines if line.words and not line.broken]
        samples = sum(line.words[-1].end_sample - line.start_sample for line in known)
        return sum(line.words[-1].end_char - line.start_char for line in known) / samples if samples else 0.0

    def heard_text(self, sample: int) -> str:
        """Return what was heard by `sample`: whole words only."""
        return "".join(line.heard_text(sample) for line in self.lines).strip()


def _estimated(line: Line, pace: float) -> list[Word]:
    """Return the words of a sentence spoken at `pace` characters a sample."""
    return [
        Word(
            match[0],
            line.start_char + match.start(),
            line.start_char + match.end(),
            line.start_sample + round(match.start() / pace),
            line.start_sample + round(match.end() / pace),
            estimated=True,
        )
        for match in _WORD.finditer(line.text)
    ]
