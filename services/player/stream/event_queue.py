"""The events of one turn on their way from the player's thread to its client."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator

from neurosync.v1 import player_pb2 as pb
from services.common.errors import InactiveError
from services.player.turns.turn_events import Event

MAX_NOTICES = 64  # held for a client that does not read; the counters of `finished` include the rest


class EventQueue:
    """Events in order; owned by the event loop.

    Bounded: a position replaces the one before, notices beyond `MAX_NOTICES` are dropped, the others come once a turn.
    """

    def __init__(self) -> None:
        self.moved = asyncio.Event()
        """Set by every event; whoever waits for room clears it."""
        self._events: deque[Event] = deque()
        self._position: pb.PerformPosition | None = None
        self._error: BaseException | None = None
        self._wake = asyncio.Event()

    def put(self, event: Event) -> None:
        """Add an event."""
        if isinstance(event, pb.PerformPosition):
            self._position = event
        elif not isinstance(event, pb.PerformNotice) or len(self._events) < MAX_NOTICES:
            self._events.append(event)
        self._wake.set()
        self.moved.set()

    def fail(self, error: BaseException) -> None:
        """Let `events` raise `error`: an InactiveError once the turn has finished, any other at once."""
        self._error = error
        self._wake.set()

    async def events(self) -> AsyncIterator[Event]:
        """Yield the events until the turn has finished."""
        while True:
            self._wake.clear()
            while self._events:
                event = self._events.popleft()
                yield event
                if isinstance(event, pb.PerformFinished):
                    if self._error:
                        raise self._error
                    return
            if self._error and not isinstance(self._error, InactiveError):
                raise self._error
            if self._position:
                position, self._position = self._position, None
                yield position
            else:
                await self._wake.wait()
