"""Removes from a streamed reply what is not part of it: role names, special tokens, thoughts, other speakers' turns."""

from __future__ import annotations

import re

_ROLES = ("assistant:", "assistant\n", "ai:", "bot:")  # before the first word; some models write their own header
_THOUGHT, _THOUGHT_END = "<think>", "</think>"
_OTHER_SPEAKERS = ("\nuser:", "\nhuman:", "</s>")  # from here on the model writes for someone else
_TOKEN = re.compile(r"<\|[a-z_]{1,20}\|>", re.IGNORECASE)
_TOKEN_BEGUN = re.compile(r"<(?:\|(?:[a-z_]{0,20}\|?)?)?", re.IGNORECASE)
_OPENING = re.compile(rf"(?:\s|{_TOKEN.pattern}|{'|'.join(_ROLES)})+", re.IGNORECASE)
_END = re.compile(rf"{_TOKEN.pattern}|{'|'.join(_OTHER_SPEAKERS)}", re.IGNORECASE)
_LONGEST = 24  # characters of a marker
_SURROGATES = re.compile("[\ud800-\udfff]")


class ReplyCleaner:
    """Cleans one reply that comes in any number of parts; holds back characters while they may become a marker."""

    def __init__(self) -> None:
        """Begin a reply."""
        self._held = ""
        self._opened = False  # whether the reply's first word has come
        self.ended = False
        """Whether the model began to write for someone else: what follows is not part of the reply."""

    def push(self, delta: str) -> str:
        """Add a part; return what certainly belongs to the reply."""
        return self._clean(delta, final=False)

    def end(self) -> str:
        """Return what was held back."""
        return self._clean("", final=True)

    def _clean(self, delta: str, *, final: bool) -> str:
        if self.ended:
            return ""
        self._held += delta
        if not (self._opened or self._open(final=final)):
            return ""
        if found := _END.search(self._held):
            self.ended = True
            cut = found.start()
        else:
            cut = len(self._held) if final else _certain(self._held)
        certain, self._held = self._held[:cut], self._held[cut:]
        return _whole(certain)

    def _open(self, *, final: bool) -> bool:
        """Drop what stands before the first word; return whether that word has come."""
        while True:
            if opening := _OPENING.match(self._held):
                self._held = self._held[opening.end() :]
            if not self._held.lower().startswith(_THOUGHT):
                break
            _, ends, rest = self._held.partition(_THOUGHT_END)
            if not ends:
                self._held = _THOUGHT + self._held[len(_THOUGHT) :][-len(_THOUGHT_END) :]
                return False
            self._held = rest
        self._opened = bool(self._held) and (final or not _may_become(self._held, (*_ROLES, _THOUGHT)))
        return self._opened


def _certain(text: str) -> int:
    """Return how many characters of `text` cannot be the beginning of a marker."""
    for begin in range(max(0, len(text) - _LONGEST), len(text)):
        if _may_become(text[begin:], _OTHER_SPEAKERS) or "\ud800" <= text[begin:] <= "\udbff":
            return begin
    return len(text)


def _may_become(text: str, markers: tuple[str, ...]) -> bool:
    lowered = text.lower()
    return any(marker.startswith(lowered) for marker in markers) or _TOKEN_BEGUN.fullmatch(text) is not None


def _whole(text: str) -> str:
    """Return the text with surrogate pairs joined and halves dropped: some servers cut an emoji in two."""
    if not _SURROGATES.search(text):
        return text
    joined = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return joined.replace("\ufffd", "")
