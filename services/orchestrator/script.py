"""What a turn says: its sentences, where each lies in the sound, and which words were heard by a given sample."""

from __future__ import annotations

from dataclasses import dataclass, field


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
    words: list[Word] = field(default_factory=list)

    def heard_text(self, sample: int) -> str:
        """Return the part whose words had ended by `sample`: all of it, or up to the end of a word."""
        heard = [word for word in self.words if word.end_sample <= sample]
        if self.end_sample is not None and len(heard) == len(self.words):
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

    def heard_text(self, sample: int) -> str:
        """Return what was heard by `sample`: whole words only."""
        return "".join(line.heard_text(sample) for line in self.lines).strip()
