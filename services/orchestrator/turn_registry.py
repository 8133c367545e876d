"""Turns by their id: a turn never runs twice, and its outcome can be read after it has finished."""

from __future__ import annotations

from collections import OrderedDict

from neurosync.v1 import orchestrator_pb2
from services.common.errors import DuplicateError, FinishedTurnError, UnknownTurnError

MAX_FINISHED = 1_000
"""Finished turns whose outcome is kept, of all sessions. Larger: clients may ask later; each takes some kilobytes."""
MAX_BYTES = 16 << 20
"""Of these outcomes in all: turns with very long texts are forgotten sooner."""


class TurnRegistry:
    """The ids of running turns, and the newest finished turns."""

    def __init__(self) -> None:
        self._running: dict[str, orchestrator_pb2.TurnAccepted] = {}
        self._finished: OrderedDict[str, orchestrator_pb2.TurnFinished] = OrderedDict()
        self._byte_count = 0

    def claim(self, accepted: orchestrator_pb2.TurnAccepted) -> None:
        """Take the id of a turn that is to run.

        Raises:
            DuplicateError: A turn of this id is running.
            FinishedTurnError: A turn of this id has finished.
        """
        turn_id = accepted.turn_id
        if turn_id in self._running:
            raise DuplicateError(f"turn {turn_id} is running; GetTurn returns its outcome when it has finished")
        if turn_id in self._finished:
            raise FinishedTurnError(f"turn {turn_id} has finished; GetTurn returns its outcome")
        self._running[turn_id] = accepted

    def release(self, turn_id: str) -> None:
        """Give up the id of a turn that did not begin."""
        self._running.pop(turn_id, None)

    def finish(self, finished: orchestrator_pb2.TurnFinished) -> None:
        """Keep the outcome of a turn that ran."""
        self.release(finished.turn_id)
        self._finished[finished.turn_id] = finished
        self._byte_count += finished.ByteSize()
        while len(self._finished) > MAX_FINISHED or (len(self._finished) > 1 and self._byte_count > MAX_BYTES):
            _, oldest = self._finished.popitem(last=False)
            self._byte_count -= oldest.ByteSize()

    def find(self, turn_id: str) -> orchestrator_pb2.GetTurnResponse:
        """Return the state of a turn.

        Raises:
            UnknownTurnError: There was none of this id, or it was forgotten.
        """
        if turn_id in self._running:
            return orchestrator_pb2.GetTurnResponse(running=self._running[turn_id])
        if turn_id in self._finished:
            return orchestrator_pb2.GetTurnResponse(finished=self._finished[turn_id])
        raise UnknownTurnError(f"no turn {turn_id} is known: the newest {MAX_FINISHED} are kept")
