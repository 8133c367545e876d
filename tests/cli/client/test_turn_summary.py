"""How a turn went, for scripts and for people."""

from __future__ import annotations

from pathlib import Path

from neurosync.v1.media_pb2 import StageTiming
from neurosync.v1.orchestrator_pb2 import TurnFinished
from neurosync.v1.outcome_pb2 import TurnOutcome
from services.cli.client.turn_summary import summary_lines, summary_table
from services.common.wire import duration

FINISHED = TurnFinished(
    outcome=TurnOutcome.TURN_OUTCOME_INTERRUPTED,
    text="One two three.",
    heard_text="One two",
    heard_sample_count=12_000,
    sample_rate_hertz=24_000,
    timings=[
        StageTiming(stage="total", duration=duration(1.5)),
        StageTiming(stage="first_sound", duration=duration(0.12345)),
        StageTiming(stage="face.compute", duration=duration(0.01)),
    ],
    providers={"tts": "hibari", "face": "lipsync"},
)


def test_the_table_has_every_key_and_durations_in_seconds() -> None:
    table = summary_table(FINISHED, Path("takes/one"))
    assert table == {
        "outcome": "interrupted",
        "reason": None,
        "text": "One two three.",
        "heard_text": "One two",
        "heard_seconds": 0.5,
        "stages": {"total": 1.5, "first_sound": 0.1235, "face.compute": 0.01},
        "providers": {"tts": "hibari", "face": "lipsync"},
        "message": None,
        "take": "takes/one",
    }
    assert summary_table(TurnFinished(), None)["heard_seconds"] == 0.0


def test_the_lines_have_the_stages_in_order_and_what_was_heard() -> None:
    assert summary_lines(FINISHED, None) == [
        "",
        "  first sound      0.123 s",
        "  total            1.500 s",
        "  heard            0.500 s",
        "  made by        face lipsync, tts hibari",
        "  interrupted after: 'One two'",
    ]
