"""How a turn went: as a table for scripts, and as lines for people."""

from __future__ import annotations

from pathlib import Path

from neurosync.v1.orchestrator_pb2 import TurnFinished
from neurosync.v1.outcome_pb2 import Reason, TurnOutcome
from services.common.wire import seconds_of

STAGES = ("first_word", "first_sentence", "first_audio", "first_frame", "first_sound", "total")
"""Durations shown to people, in the order in which they end."""

CUT_SHORT = (TurnOutcome.TURN_OUTCOME_INTERRUPTED, TurnOutcome.TURN_OUTCOME_SUPERSEDED)
"""Outcomes of a turn that was silenced before its end."""


def summary_table(finished: TurnFinished, folder: Path | None) -> dict[str, object]:
    """Return how a turn went, for scripts; durations in seconds."""
    rate = finished.sample_rate_hertz
    return {
        "outcome": TurnOutcome.Name(finished.outcome).removeprefix("TURN_OUTCOME_").lower(),
        "reason": Reason.Name(finished.reason).removeprefix("REASON_").lower() if finished.reason else None,
        "text": finished.text,
        "heard_text": finished.heard_text,
        "heard_seconds": round(finished.heard_sample_count / rate, 3) if rate else 0.0,
        "stages": {timing.stage: round(seconds_of(timing.duration), 4) for timing in finished.timings},
        "providers": dict(finished.providers),
        "message": finished.message or None,
        "take": str(folder) if folder else None,
    }


def summary_lines(finished: TurnFinished, folder: Path | None) -> list[str]:
    """Return how a turn went, for people."""
    stages = {timing.stage: seconds_of(timing.duration) for timing in finished.timings}
    lines = [""]
    lines += [f"  {stage.replace('_', ' '):<15}{stages[stage]:7.3f} s" for stage in STAGES if stage in stages]
    if finished.sample_rate_hertz:
        lines.append(f"  {'heard':<15}{finished.heard_sample_count / finished.sample_rate_hertz:7.3f} s")
    if finished.providers:
        lines.append("  made by        " + ", ".join(f"{name} {by}" for name, by in sorted(finished.providers.items())))
    if finished.outcome in CUT_SHORT:
        lines.append(f"  interrupted after: {finished.heard_text!r}")
    if finished.message:
        lines.append(f"  failed: {finished.message}")
    if folder is not None:
        lines += [f"  take           {folder}", f"  open in a browser: {folder / 'take.html'}"]
    return lines
