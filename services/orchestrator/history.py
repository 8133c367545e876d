"""Sessions and what was heard in them, bounded in number and length."""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from services.common.errors import BusyError

if TYPE_CHECKING:
    from services.orchestrator.turn import Turn


MAX_CHARS = 500_000
"""Characters of a session's history, at most 2 MB: it travels in one message, to the language model and to clients."""


@dataclass(frozen=True)
class Entry:
    """One turn that has happened."""

    turn_id: str
    user_text: str
    heard_text: str
    interrupted: bool
    started: float
    """Seconds since the epoch."""
    heard_seconds: float


@dataclass
class Session:
    """One conversation."""

    entries: deque[Entry]
    turn: Turn | None = None
    """The turn that is being performed."""
    starting: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held by a turn that waits for its place; turns take their places in the order they came."""

    def remember(self, entry: Entry) -> None:
        """Add what has happened; the oldest is forgotten where the texts grow beyond `MAX_CHARS`."""
        self.entries.append(entry)
        while len(self.entries) > 1 and sum(map(_length, self.entries)) > MAX_CHARS:
            self.entries.popleft()

    @property
    def busy(self) -> bool:
        """Whether forgetting the session would disturb somebody."""
        return self.turn is not None or self.starting.locked()


class Sessions:
    """All sessions by their id; the one unused for longest makes room for a new one."""

    def __init__(self, max_sessions: int, max_history: int) -> None:
        self._sessions: OrderedDict[str, Session] = OrderedDict()
        self._max_sessions, self._max_history = max_sessions, max_history

    def open(self, session_id: str) -> Session:
        """Return a session, made if it is new.

        Raises:
            BusyError: There are `max_sessions`, and every one of them is speaking.
        """
        if session_id not in self._sessions:
            self._make_room()
            self._sessions[session_id] = Session(deque(maxlen=self._max_history))
        self._sessions.move_to_end(session_id)
        return self._sessions[session_id]

    def find(self, session_id: str) -> Session | None:
        """Return a session if it exists."""
        return self._sessions.get(session_id)

    def running(self) -> list[Turn]:
        """Return the turns that are being performed."""
        return [session.turn for session in self._sessions.values() if session.turn is not None]

    def _make_room(self) -> None:
        if len(self._sessions) < self._max_sessions:
            return
        oldest = next((key for key, session in self._sessions.items() if not session.busy), None)
        if oldest is None:
            raise BusyError(f"all {self._max_sessions} sessions are speaking; try again later")
        del self._sessions[oldest]


def _length(entry: Entry) -> int:
    return len(entry.user_text) + len(entry.heard_text)
