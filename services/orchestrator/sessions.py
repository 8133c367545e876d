"""Sessions: conversations by their id, each with its history, its labels and the turn that is being performed."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field

from services.common.errors import BadRequestError, BusyError
from services.orchestrator.history import History
from services.orchestrator.turn import Turn

MAX_LABELS = 16
"""Labels of a session, and of a turn."""


@dataclass
class Session:
    """One conversation."""

    history: History
    labels: dict[str, str] = field(default_factory=dict)
    turns: list[Turn] = field(default_factory=list)
    """The turn that is being performed, and those that wait behind it, in order."""

    @property
    def is_busy(self) -> bool:
        """Whether a turn is being performed or waits."""
        return bool(self.turns)

    def find_turn(self, turn_id: str) -> Turn | None:
        """Return the turn of this id, or the one that is being performed where the id is empty."""
        return next((turn for turn in self.turns if turn_id in ("", turn.turn_id)), None)

    async def wait_place(self, turn: Turn) -> None:
        """Wait until every turn before `turn` has ended, or `turn` is silenced while it waits."""
        while (index := self.turns.index(turn)) and not turn.silence_requested.is_set():
            events = (self.turns[index - 1].ended, turn.silence_requested)
            waits = [asyncio.create_task(event.wait(), name="wait for a place") for event in events]
            try:
                await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for wait in waits:
                    wait.cancel()

    def merge_labels(self, changes: Mapping[str, str]) -> None:
        """Set labels; an empty value removes one.

        Raises:
            BadRequestError: There would be more than `MAX_LABELS`; none was changed.
        """
        merged = {key: value for key, value in {**self.labels, **changes}.items() if value}
        if len(merged) > MAX_LABELS:
            raise BadRequestError(
                "session_labels", f"{len(merged)} labels with those of before", f"at most {MAX_LABELS}"
            )
        self.labels = merged


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
            self._sessions[session_id] = Session(History(self._max_history))
        self._sessions.move_to_end(session_id)
        return self._sessions[session_id]

    def find(self, session_id: str) -> Session | None:
        """Return a session if it exists."""
        return self._sessions.get(session_id)

    def running(self) -> list[Turn]:
        """Return the turns that are being performed or wait."""
        return [turn for session in self._sessions.values() for turn in session.turns]

    def _make_room(self) -> None:
        if len(self._sessions) < self._max_sessions:
            return
        oldest = next((key for key, session in self._sessions.items() if not session.is_busy), None)
        if oldest is None:
            raise BusyError(f"all {self._max_sessions} sessions are speaking; try again later")
        del self._sessions[oldest]
