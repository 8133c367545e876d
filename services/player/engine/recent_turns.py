"""Turns that were stopped before they came, or have ended: what the player remembers of them, within a limit."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import TypeVar

REMEMBERED_TURNS = 1024  # of each kind; the oldest are forgotten

T = TypeVar("T")


@dataclass(frozen=True)
class StoppedTurn:
    """A turn that was stopped, or had ended before."""

    turn_id: str
    character: str
    heard: int
    """Samples, at the turn's rate, that will have been heard when its fade has ended."""


class RecentTurns:
    """The ids of stopped turns, and the ends of turns that are over."""

    def __init__(self) -> None:
        self._stopped: OrderedDict[str, None] = OrderedDict()
        self._ended: OrderedDict[str, StoppedTurn] = OrderedDict()

    def add_stopped(self, turn_id: str) -> None:
        """Record that a turn was stopped, whether it has come or not."""
        _remember(self._stopped, turn_id, None)

    def add_ended(self, turn: StoppedTurn) -> None:
        """Record how a turn ended."""
        _remember(self._ended, turn.turn_id, turn)

    def was_stopped(self, turn_id: str) -> bool:
        """Return whether a turn of this id was stopped."""
        return turn_id in self._stopped

    def ended(self, turn_id: str) -> StoppedTurn | None:
        """Return how a turn ended; None if it has not, or is forgotten."""
        return self._ended.get(turn_id)


def _remember(memory: OrderedDict[str, T], key: str, value: T) -> None:
    """Put a value into a memory that drops its oldest entries."""
    memory[key] = value
    memory.move_to_end(key)
    while len(memory) > REMEMBERED_TURNS:
        memory.popitem(last=False)
