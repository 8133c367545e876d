"""What was said and heard in one session, bounded in number and length."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice

from neurosync.v1 import llm_pb2, orchestrator_pb2, outcome_pb2
from neurosync.v1.outcome_pb2 import TurnOutcome
from services.common.wire import duration

MAX_CHARS = 500_000
"""Characters of a session's history, at most 2 MB: it travels in one message, to the language model and to clients."""
_SILENCED = (outcome_pb2.TURN_OUTCOME_INTERRUPTED, outcome_pb2.TURN_OUTCOME_SUPERSEDED)


@dataclass(frozen=True)
class HistoryEntry:
    """One turn that has happened."""

    turn_id: str
    user_text: str
    heard_text: str
    outcome: TurnOutcome.ValueType
    started: float
    """Seconds since the epoch."""
    heard_seconds: float
    labels: Mapping[str, str] = field(default_factory=dict)

    def exchange(self) -> llm_pb2.Exchange:
        """Return what was said and heard, as the language model is given it."""
        return llm_pb2.Exchange(
            user_text=self.user_text, assistant_text=self.heard_text, interrupted=self.outcome in _SILENCED
        )

    def message(self) -> orchestrator_pb2.HistoryEntry:
        """Return the entry as a message."""
        entry = orchestrator_pb2.HistoryEntry(
            turn_id=self.turn_id,
            exchange=self.exchange(),
            heard=duration(self.heard_seconds),
            labels=self.labels,
            outcome=self.outcome,
        )
        entry.started.FromNanoseconds(round(self.started * 1e9))
        return entry


class History:
    """The newest turns of a session. Every entry keeps its number, however many older ones are dropped."""

    def __init__(self, max_entries: int) -> None:
        """Keep at most `max_entries`, and at most `MAX_CHARS` of text."""
        self._entries: deque[HistoryEntry] = deque()
        self._max_entries = max_entries
        self._first = 0  # number of the oldest entry

    def __iter__(self) -> Iterator[HistoryEntry]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def add(self, entry: HistoryEntry) -> None:
        """Add the newest entry; the oldest are dropped where they or their texts are too many."""
        self._entries.append(entry)
        while len(self._entries) > self._max_entries or (len(self._entries) > 1 and self._char_count() > MAX_CHARS):
            self._entries.popleft()
            self._first += 1

    def page(self, number: int, size: int) -> tuple[list[HistoryEntry], int | None]:
        """Return up to `size` entries from entry `number` on, and the number of the next page; None after the last.

        Entries that were dropped meanwhile are left out.
        """
        start = max(number - self._first, 0)
        entries = list(islice(self._entries, start, start + size))
        after = start + len(entries)
        return entries, self._first + after if after < len(self._entries) else None

    def clear(self) -> int:
        """Drop all entries, and return how many there were."""
        count = len(self._entries)
        self._entries.clear()
        self._first += count
        return count

    def _char_count(self) -> int:
        return sum(len(entry.user_text) + len(entry.heard_text) for entry in self._entries)
