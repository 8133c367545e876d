"""How a turn ended: one value, without a default."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from neurosync.v1 import orchestrator_pb2, outcome_pb2, player_pb2
from neurosync.v1.orchestrator_pb2 import Stage
from neurosync.v1.outcome_pb2 import Reason


@dataclass(frozen=True)
class Completed:
    """Everything was heard to the end."""


@dataclass(frozen=True)
class Interrupted:
    """Somebody silenced the turn."""

    reason: Reason.ValueType


@dataclass(frozen=True)
class Superseded:
    """Another turn took its place."""

    reason: Reason.ValueType = outcome_pb2.REASON_REPLACED


@dataclass(frozen=True)
class Failed:
    """A stage failed, or the orchestrator itself; what was heard until then stands."""

    stage: Stage.ValueType
    """Unspecified for the orchestrator itself."""
    reason: Reason.ValueType
    message: str
    """What happened and what to do about it, for people."""
    retryable: bool


CRASHED = Failed(
    Stage.STAGE_UNSPECIFIED,
    Reason.REASON_INTERNAL,
    "internal error; the log of the orchestrator has it",
    retryable=False,
)
"""The outcome of a turn that was cut off by an error that nobody foresaw."""
Outcome: TypeAlias = Completed | Interrupted | Superseded | Failed
Silenced: TypeAlias = Interrupted | Superseded
"""Ends that somebody asked for."""


def decide(
    silenced: Silenced | None, failure: Failed | None, performed: player_pb2.PerformFinished | None, player: str
) -> Outcome:
    """Return how a turn ended: as somebody asked, else by the first failure, else as the player reports.

    Args:
        silenced: What was asked of this turn, if anything.
        failure: The first failure of a stage, if any.
        performed: The player's last event, unless it vanished.
        player: Address of the player, for messages.
    """
    if silenced is not None:
        return silenced
    if performed is not None and performed.outcome == outcome_pb2.TURN_OUTCOME_INTERRUPTED:
        return Interrupted(performed.reason)
    if performed is not None and performed.outcome == outcome_pb2.TURN_OUTCOME_SUPERSEDED:
        return Superseded(performed.reason)
    if failure is not None:
        return failure
    if performed is not None and performed.outcome == outcome_pb2.TURN_OUTCOME_COMPLETED:
        return Completed()
    if performed is not None and performed.reason == Reason.REASON_SHUTTING_DOWN:
        text = f"player at {player} shuts down; `neurosync up` starts it again"
        return Failed(Stage.STAGE_PLAYER, performed.reason, text, retryable=True)
    return Failed(Stage.STAGE_PLAYER, Reason.REASON_STAGE_FAILED, f"player at {player} lost the turn", retryable=True)


def write_outcome(outcome: Outcome, finished: orchestrator_pb2.TurnFinished) -> None:
    """Set the fields of `finished` that say how the turn ended."""
    match outcome:
        case Completed():
            finished.outcome = outcome_pb2.TURN_OUTCOME_COMPLETED
        case Interrupted(reason):
            finished.outcome, finished.reason = outcome_pb2.TURN_OUTCOME_INTERRUPTED, reason
        case Superseded(reason):
            finished.outcome, finished.reason = outcome_pb2.TURN_OUTCOME_SUPERSEDED, reason
        case Failed():
            finished.outcome, finished.reason = outcome_pb2.TURN_OUTCOME_FAILED, outcome.reason
            finished.stage, finished.message, finished.retryable = outcome.stage, outcome.message, outcome.retryable
