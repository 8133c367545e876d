"""How a turn ended: which of several causes counts, and that none is left unspecified."""

from __future__ import annotations

import pytest

from neurosync.v1.orchestrator_pb2 import STAGE_TTS, TurnFinished
from neurosync.v1.outcome_pb2 import Reason, TurnOutcome
from neurosync.v1.player_pb2 import PerformFinished
from services.orchestrator.record.outcome import (
    CRASHED,
    Completed,
    Failed,
    Interrupted,
    Outcome,
    Silenced,
    Superseded,
    decide,
    write_outcome,
)

PLAYER = "127.0.0.1:50054"
VOICE_AWAY = Failed(STAGE_TTS, Reason.REASON_STAGE_UNAVAILABLE, "tts is away", retryable=True)
HEARD = PerformFinished(outcome=TurnOutcome.TURN_OUTCOME_COMPLETED)
STOPPED = PerformFinished(outcome=TurnOutcome.TURN_OUTCOME_INTERRUPTED, reason=Reason.REASON_STOPPED)
REPLACED = PerformFinished(outcome=TurnOutcome.TURN_OUTCOME_SUPERSEDED, reason=Reason.REASON_REPLACED)
CLOSING = PerformFinished(outcome=TurnOutcome.TURN_OUTCOME_FAILED, reason=Reason.REASON_SHUTTING_DOWN)


@pytest.mark.parametrize(
    ("silenced", "failure", "performed", "expected"),
    [
        (None, None, HEARD, Completed()),
        (Superseded(), VOICE_AWAY, HEARD, Superseded()),
        (None, VOICE_AWAY, HEARD, VOICE_AWAY),
        (None, VOICE_AWAY, STOPPED, Interrupted(Reason.REASON_STOPPED)),
        (None, None, REPLACED, Superseded()),
    ],
)
def test_a_wish_counts_before_a_failure_and_a_failure_before_what_the_player_reports(
    silenced: Silenced | None, failure: Failed | None, performed: PerformFinished, expected: Outcome
) -> None:
    assert decide(silenced, failure, performed, PLAYER) == expected


@pytest.mark.parametrize(
    ("performed", "reason"), [(CLOSING, Reason.REASON_SHUTTING_DOWN), (None, Reason.REASON_STAGE_FAILED)]
)
def test_a_player_that_left_the_turn_is_a_failure_that_names_it(
    performed: PerformFinished | None, reason: Reason.ValueType
) -> None:
    outcome = decide(None, None, performed, PLAYER)
    assert isinstance(outcome, Failed)
    assert (outcome.reason, outcome.retryable) == (reason, True)
    assert PLAYER in outcome.message


@pytest.mark.parametrize(
    "outcome", [Completed(), Interrupted(Reason.REASON_STOPPED), Superseded(), VOICE_AWAY, CRASHED]
)
def test_every_outcome_is_written_and_none_is_unspecified(outcome: Outcome) -> None:
    finished = TurnFinished()
    write_outcome(outcome, finished)
    assert finished.outcome != TurnOutcome.TURN_OUTCOME_UNSPECIFIED
    assert (finished.message, finished.retryable) == (
        (outcome.message, outcome.retryable) if isinstance(outcome, Failed) else ("", False)
    )
