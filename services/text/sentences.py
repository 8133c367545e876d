"""Sentence splitting of a text stream; the first piece may be cut early, at a comma.

    splitter = SentenceSplitter()
    for token in tokens:
        for piece in splitter.push(token):
            ...
    for piece in splitter.end():
        ...

The pieces joined are the text. The cuts depend on the text alone, not on how the stream was chunked or on time: a mark
is judged once the next word has begun, from a bounded number of characters around it. A piece keeps the spaces and
emoji that follow it. Code blocks stay whole (they are not spoken), and there is no cut inside a markdown link, inline
code or a *direction*.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import AsyncIterator
from typing import Final

from services.text.character_classes import CLOSERS, WIDE_ENDS, WIDE_PAUSES
from services.text.punctuation import END, TAIL_LIMIT, ends_sentence

FIRST_MIN_CHARS: Final = 12
"""Characters (about 0.8 s of speech) after which the first piece may end at a comma. Larger: better melody, later first
sound; smaller: a first sound that may run out before the second piece is there."""
MAX_CHARS: Final = 220
"""Characters (about 15 s of speech) after which a sentence is cut at a comma or a space. Larger: better melody, later
sound of long sentences; smaller: more pauses in the middle of a thought."""
CODE_MAX_CHARS: Final = 4000
"""Characters of a code block that stay in one piece. A speech request holds 5000."""

_STRONG_PAUSE = 60  # characters further back that a semicolon, colon or dash may lie to be preferred to a comma
_WRAP_COLUMN = 40  # a shorter line ends on purpose (a poem, a list), a longer one may be wrapped prose

_ENDS = f".!?…{WIDE_ENDS}"
_NEWLINES = "\n\u2028\u2029"
_MARK = re.compile(rf"[{_ENDS},;:{WIDE_PAUSES}—–\-{_NEWLINES}\[`*~]")
_PAUSE = re.compile(
    rf"(?P<mark>[,;:][{CLOSERS}]{{0,16}}(?=\s)|[{WIDE_PAUSES}][{CLOSERS}]{{0,16}}|—|(?:–|--?)(?=\s))\s{{0,{TAIL_LIMIT}}}"
)
_SPACES = re.compile(rf"\s{{1,{TAIL_LIMIT}}}")
_LINK, _LINK_BEGUN = (
    r"\[[^\[\]\n]{0,200}\]\([^()\n]{0,400}\)",
    r"\[[^\[\]\n]{0,200}(?:\](?:\([^()\n]{0,400})?)?\Z",
)
_CODE, _CODE_BEGUN = r"`[^`\n]{1,100}`", r"`[^`\n]{0,100}\Z"
_STARS, _STARS_BEGUN = r"\*(?![\s*])[^*\n]{1,120}\*", r"\*(?:(?![\s*])[^*\n]{0,120})?\Z"
_SPAN = re.compile(f"{_LINK}|{_CODE}|{_STARS}")
_SPAN_BEGUN = re.compile(f"{_LINK_BEGUN}|{_CODE_BEGUN}|{_STARS_BEGUN}")
_FENCE_LEAST, _FENCE_LIMIT = 3, 16  # characters of a code block's marker
_FENCE = re.compile(rf"`{{1,{_FENCE_LIMIT}}}|~{{1,{_FENCE_LIMIT}}}")
_FENCE_TAIL = re.compile(rf"[`~]{{0,{_FENCE_LIMIT}}}\s{{0,{TAIL_LIMIT}}}")
_PAUSE_BEGUN = re.compile(rf"(?:[,;:][{CLOSERS}]{{0,16}}|–|--?)\Z")
_LIST_MARKER = re.compile(r"[ \t]*(?:\d{1,3}|[A-Za-z])?")
_JOINED = re.compile("(?:\u200d|.[\u0300-\u036f\u200d\ufe0e\ufe0f\U0001f3fb-\U0001f3ff])", re.DOTALL)


class _NeedMoreError(Exception):
    """The text received so far does not decide yet."""


class SentenceSplitter:
    """Cuts one text, given in any number of parts."""

    def __init__(self, *, first_min_chars: int = FIRST_MIN_CHARS, max_chars: int = MAX_CHARS) -> None:
        """Begin a text.

        Args:
            first_min_chars: Characters after which the first piece may end at a clause; 0 cuts at the first comma.
            max_chars: Characters after which a sentence is cut at the best place before that.
        """
        self._first_min_chars = first_min_chars
        self._max_chars = max_chars
        self._text = ""
        self._start = 0  # of the piece, in _text
        self._scan = 0  # everything before is decided: no piece ends there
        self._final = False
        self._first = True
        self._column = 0  # of the start of the piece in its line
        self._line_is_blank = True  # left of _column
        self._fence = ""  # the marker of the code block that the piece begins in
        self._pauses: list[tuple[int, int]] = []  # (end, strength) of the clauses of the piece
        self._spans: list[tuple[int, int]] = []  # links and the like in the piece, not to be cut

    def push(self, delta: str) -> list[str]:
        """Take the next part of the text; return the pieces that it completes."""
        self._text = self._text[self._start :] + delta
        self._rebase()
        return self._pieces()

    def end(self) -> list[str]:
        """End the text; return what is left, cut as before."""
        self._final = True
        pieces = self._pieces()
        if self._start < len(self._text):
            pieces.append(self._text[self._start :])
            self._start = len(self._text)
        return pieces

    def _rebase(self) -> None:
        shift, self._start = self._start, 0
        self._scan -= shift
        self._pauses = [(end - shift, strength) for end, strength in self._pauses]
        self._spans = [(begin - shift, end - shift) for begin, end in self._spans]

    def _pieces(self) -> list[str]:
        pieces: list[str] = []
        with contextlib.suppress(_NeedMoreError):  # the next push goes on from _scan
            while self._start < len(self._text):
                cut = self._code_cut() if self._fence else self._cut()
                pieces.append(self._text[self._start : cut])
                self._begin_piece(cut)
        return pieces

    def _begin_piece(self, cut: int) -> None:
        piece = self._text[self._start : cut]
        line = max(map(piece.rfind, _NEWLINES))
        self._line_is_blank = (line >= 0 or self._line_is_blank) and not piece[line + 1 :].strip()
        self._column = len(piece) - line - 1 + (self._column if line < 0 else 0)
        self._first = self._first and not piece.strip()
        self._start = self._scan = cut
        self._pauses.clear()
        self._spans.clear()

    def _cut(self) -> int:
        """Return where the piece ends; raise _NeedMoreError if the text received so far does not decide."""
        limit = self._start + self._max_chars
        while (mark := _MARK.search(self._text, self._scan)) and mark.start() < limit:
            cut = self._judge(mark.start(), mark[0])
            if cut is not None:
                return cut
        if len(self._text) > limit:
            return self._long_cut(limit)
        self._scan = len(self._text)
        raise _NeedMoreError

    def _judge(self, at: int, mark: str) -> int | None:
        """Return the end of the piece if the mark at `at` ends it; else move `_scan` past the mark."""
        if mark in _NEWLINES:
            return self._line_end(at)
        if mark in "[`*~":
            return self._markup(at)
        if END.match(mark):
            return self._sentence_end(at)
        return self._pause(at)

    def _sentence_end(self, at: int) -> int | None:
        match = _matched(END, self._text, at)
        line = self._line_start(at)
        in_marker = (line > self._start or self._line_is_blank) and _LIST_MARKER.fullmatch(self._text, line, at)
        verdict = ends_sentence(match, start=self._start, final=self._final, starts_line=bool(in_marker))
        if verdict is None:
            raise _NeedMoreError
        self._scan = match.start("tail")  # a line break in the tail is judged by itself
        return match.end() if verdict else None

    def _line_end(self, at: int) -> int | None:
        spaces = _matched(_SPACES, self._text, at)
        following = self._known(spaces.end())
        line = self._line_start(at)
        column = at - line + (self._column if line == self._start else 0)
        wrapped = following.islower() and column >= _WRAP_COLUMN and sum(map(spaces[0].count, _NEWLINES)) == 1
        self._scan = spaces.end()
        return None if wrapped or self._is_blank(at) else spaces.end()

    def _pause(self, at: int) -> int | None:
        match = _PAUSE.match(self._text, at)
        if match is None:
            if not self._final and _PAUSE_BEGUN.match(self._text, at):
                raise _NeedMoreError
            self._scan = at + 1
            return None
        self._known(match.end())
        end = match.end("mark")
        self._scan = end
        if match["mark"] == "-" and (at == self._start or not self._text[at - 1].isspace()):
            return None  # a list's dash, or pre- and post-
        words = self._text[self._start : end].strip()
        if self._first and len(words) >= self._first_min_chars and any(map(str.isalnum, words)):
            return match.end()
        self._pauses.append((match.end(), 0 if match["mark"][0] in ",，、" else _STRONG_PAUSE))
        return None

    def _markup(self, at: int) -> int | None:
        """Step over a link, inline code or a direction; a code block becomes a piece of its own."""
        line = self._line_start(at)
        if (line > self._start or self._line_is_blank) and self._is_blank(at, line) and self._text[at] in "`~":
            fence = _matched(_FENCE, self._text, at)
            if fence.end() - at < _FENCE_LIMIT:
                self._known(fence.end())  # the marker may still grow
            if len(fence[0]) >= _FENCE_LEAST:
                self._fence, self._scan = fence[0], fence.end()
                return self._code_cut()
        span = _SPAN.match(self._text, at)
        if span is None and not self._final and _SPAN_BEGUN.match(self._text, at):
            raise _NeedMoreError
        self._scan = at + 1
        if span:
            self._spans.append(span.span())
            inner = span[0].rstrip("*").rstrip(_ENDS) if span[0][0] == "*" else span[0]
            self._scan = at + len(inner)  # *Really!* ends a sentence
        return None

    def _code_cut(self) -> int:
        """Return the end of the code block that the piece lies in, or as much of it as one piece may hold."""
        close = self._text.find(self._fence, self._scan)
        limit = self._start + CODE_MAX_CHARS
        if 0 <= close <= limit:
            self._scan = close
            tail = _matched(_FENCE_TAIL, self._text, close)
            self._known(tail.end())
            self._fence = ""
            return tail.end()
        if len(self._text) > limit + len(self._fence):
            line = self._text.rfind("\n", self._start + 1, limit)
            return line + 1 if line > 0 else limit
        if self._final:
            return len(self._text)
        self._scan = max(self._scan, len(self._text) - len(self._fence) + 1)
        raise _NeedMoreError

    def _long_cut(self, limit: int) -> int:
        """Return where a piece that reached `limit` is cut: at a pause, a space, around a link, or there."""
        pauses = [pause for pause in self._pauses if pause[0] - self._start >= self._max_chars // 4]
        if pauses:
            return max(pauses, key=sum)[0]
        for end in range(limit, self._start + 1, -1):
            protected = any(begin < end < stop for begin, stop in self._spans)
            if self._text[end - 1].isspace() and not protected and not self._is_blank(end):
                return end
        for begin, stop in self._spans:
            if begin < limit < stop:
                return stop if begin == self._start else begin
        end = limit
        while end > limit - 8 and end > self._start + 1 and _JOINED.match(self._text, end - 1):
            end -= 1
        return end

    def _known(self, at: int) -> str:
        """Return the character at `at`, or an empty string at the end of the text."""
        if at >= len(self._text) and not self._final:
            raise _NeedMoreError
        return self._text[at : at + 1]

    def _line_start(self, at: int) -> int:
        """Return where the line of `at` starts, or the piece if that is later."""
        return max(self._start, *(self._text.rfind(newline, self._start, at) + 1 for newline in _NEWLINES))

    def _is_blank(self, end: int, begin: int | None = None) -> bool:
        part = self._text[self._start if begin is None else begin : end]
        return not part or part.isspace()


def _matched(pattern: re.Pattern[str], text: str, at: int) -> re.Match[str]:
    match = pattern.match(text, at)
    assert match is not None, "the caller has matched its first character"
    return match


async def sentences(
    tokens: AsyncIterator[str], *, first_min_chars: int = FIRST_MIN_CHARS, max_chars: int = MAX_CHARS
) -> AsyncIterator[str]:
    """Group a token stream into pieces to be spoken; joined, the output equals the input.

    Args:
        tokens: Text in any chunks.
        first_min_chars: Characters after which the first piece may end at a clause.
        max_chars: Characters after which a sentence is cut at the best place before that.
    """
    splitter = SentenceSplitter(first_min_chars=first_min_chars, max_chars=max_chars)
    async for token in tokens:
        for piece in splitter.push(token):
            yield piece
    for piece in splitter.end():
        yield piece
