"""The events of one turn that its sender receives."""

from __future__ import annotations

import time
from typing import Final, TypeAlias

from neurosync.v1 import outcome_pb2
from neurosync.v1 import player_pb2 as pb
from services.common.wire import duration

Event: TypeAlias = pb.PerformAccepted | pb.PerformStarted | pb.PerformPosition | pb.PerformNotice | pb.PerformFinished

OUTCOMES: Final = {
    outcome_pb2.REASON_UNSPECIFIED: outcome_pb2.TURN_OUTCOME_COMPLETED,
    outcome_pb2.REASON_STOPPED: outcome_pb2.TURN_OUTCOME_INTERRUPTED,
    outcome_pb2.REASON_REPLACED: outcome_pb2.TURN_OUTCOME_SUPERSEDED,
    outcome_pb2.REASON_SHUTTING_DOWN: outcome_pb2.TURN_OUTCOME_FAILED,
    outcome_pb2.REASON_SENDER_LOST: outcome_pb2.TURN_OUTCOME_FAILED,
}
"""The outcome of a turn, by the reason for which it ended."""


def started_event(
    at: float, now: float, *, config_at: float, first_sound_at: float | None, first_frame_at: float | None
) -> pb.PerformStarted:
    """Return the event of a turn whose first sample is at the ear.

    Args:
        at: Monotonic time at which the first sample is at the ear.
        now: Monotonic time.
        config_at: When the config came.
        first_sound_at: When the first sound came.
        first_frame_at: When the first frame came; None for a turn that starts without frames.
    """
    heard_for = max(now - at, 0)
    started = pb.PerformStarted(
        with_frames=first_frame_at is not None,
        since_config=duration(at - config_at),
        since_audio=duration(at - (at if first_sound_at is None else first_sound_at)),
        first_frame=None if first_frame_at is None else duration(max(first_frame_at - config_at, 0)),
        heard_for=duration(heard_for),
    )
    started.heard_at.FromNanoseconds(time.time_ns() - round(heard_for * 1e9))
    return started


def finished_event(
    heard: int, reason: outcome_pb2.Reason.ValueType | None, counters: pb.PerformCounters
) -> pb.PerformFinished:
    """Return the event of a turn that has ended for `reason`, None for none, after `heard` samples."""
    reason = reason or outcome_pb2.REASON_UNSPECIFIED
    return pb.PerformFinished(heard_sample_count=heard, outcome=OUTCOMES[reason], reason=reason, counters=counters)
