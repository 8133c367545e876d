"""Text with the original index of each character, which is kept through every rewrite."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Self

Replacement = Callable[[re.Match[str]], str]


@dataclass(frozen=True)
class Traced:
    """A text and, for each of its characters, the index of the original character that it replaces."""

    text: str
    origins: Sequence[int]
    """Never decreasing; as long as `text`."""

    @classmethod
    def of(cls, text: str) -> Self:
        """Return `text` with each character as its own origin."""
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

    def rewrite(self, pattern: re.Pattern[str], replacement: Replacement, group: int | str = 0) -> Traced:
        """Return the text with a group of each match replaced; the origins spread evenly over the new words."""
        texts: list[str] = []
        origins: list[int] = []
        done = 0
        for match in pattern.finditer(self.text):
            begin, end = match.span(group)
            written = replacement(match)
            texts += self.text[done:begin], written
            origins += self.origins[done:begin]
            if written == match[group]:
                origins += self.origins[begin:end]
            else:
                origins += (self.origins[begin + step] for step in _spread(written, end - begin))
            done = end
        if not texts:
            return self
        return Traced("".join([*texts, self.text[done:]]), [*origins, *self.origins[done:]])

    def stripped(self) -> Traced:
        """Return the text without spaces around it."""
        begin = len(self.text) - len(self.text.lstrip())
        end = len(self.text.rstrip())
        return Traced(self.text[begin:end], self.origins[begin:end]) if begin < end else Traced("", ())


def _spread(written: str, count: int) -> list[int]:
    """Return, for each character, which of `count` originals it replaces; all characters of a word share one."""
    steps: list[int] = []
    for index in range(len(written)):
        begins = index == 0 or written[index].isspace() or written[index - 1].isspace()
        steps.append(min(index * count // len(written), count - 1) if begins else steps[-1])
    return steps
