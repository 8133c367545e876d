"""Text that remembers where each character came from, so that rewriting it keeps the way back to the original."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Self

Rewrite = Callable[[re.Match[str]], str]


@dataclass(frozen=True)
class Traced:
    """A text and, for each of its characters, the index of the original character that it stands for."""

    text: str
    origins: Sequence[int]
    """Never decreasing; as long as `text`."""

    @classmethod
    def of(cls, text: str) -> Self:
        """Return a text that stands for itself."""
        return cls(text, range(len(text)))

    def keep(self, pattern: re.Pattern[str], group: int | str | None = None) -> Traced:
        """Return the text with each match reduced to one of its groups, or removed."""
        pieces: list[tuple[int, int]] = []
        done = 0
        for match in pattern.finditer(self.text):
            pieces.append((done, match.start()))
            if group is not None and match[group] is not None:
                pieces.append(match.span(group))
            done = match.end()
        if not done:
            return self
        pieces.append((done, len(self.text)))
        origins = [origin for begin, end in pieces for origin in self.origins[begin:end]]
        return Traced("".join(self.text[begin:end] for begin, end in pieces), origins)

    def say(self, pattern: re.Pattern[str], rewrite: Rewrite, group: int | str = 0) -> Traced:
        """Return the text with a group of each match rewritten; the new words spread evenly over the original ones."""
        texts: list[str] = []
        origins: list[int] = []
        done = 0
        for match in pattern.finditer(self.text):
            begin, end = match.span(group)
            spoken = rewrite(match)
            texts += self.text[done:begin], spoken
            origins += self.origins[done:begin]
            if spoken == match[group]:
                origins += self.origins[begin:end]
            else:
                origins += (self.origins[begin + step] for step in _spread(spoken, end - begin))
            done = end
        if not texts:
            return self
        return Traced("".join([*texts, self.text[done:]]), [*origins, *self.origins[done:]])

    def stripped(self) -> Traced:
        """Return the text without spaces around it."""
        begin = len(self.text) - len(self.text.lstrip())
        end = len(self.text.rstrip())
        return Traced(self.text[begin:end], self.origins[begin:end]) if begin < end else Traced("", ())


def _spread(spoken: str, count: int) -> list[int]:
    """Return for each character which of `count` it stands for; a word's characters stand for one and the same."""
    steps: list[int] = []
    for index in range(len(spoken)):
        begins = index == 0 or spoken[index].isspace() or spoken[index - 1].isspace()
        steps.append(min(index * count // len(spoken), count - 1) if begins else steps[-1])
    return steps
