"""Wrong requests to the orchestrator: the RPC and what is wrong, the messages, and the field that the refusal names."""

from __future__ import annotations

from typing import Any

from neurosync.v1 import media_pb2, orchestrator_pb2
from tests.abuse.invalid_requests import BAD_TEXTS, HAPPY, INFINITE, NAN, Case

NO_UUIDS = ("\0", "x" * 129, "1234", "3f1d4c62-8a59-4a8e-9a0c-6f7f0b6f2fzz")
BAD_LABELS = {
    "many": {str(index): "x" for index in range(17)},
    "key": {"No Spaces": "x"},
    "empty key": {"": "x"},
    "long key": {"k" * 65: "x"},
    "long value": {"k": "x" * 257},
    "control": {"k": "\x1b[2J"},
}


def converse(**fields: Any) -> orchestrator_pb2.ConverseRequest:
    return orchestrator_pb2.ConverseRequest(**({"session_id": "bad"} | fields))


TURNS: list[Case] = [
    *((f"Converse {why}", [converse(prompt=text)], "prompt") for why, text in BAD_TEXTS.items()),
    *((f"Converse speak {why}", [converse(speak=text)], "speak") for why, text in BAD_TEXTS.items()),
    ("Converse nothing", [converse()], "input"),
    *(("Converse session", [converse(session_id=s, speak="Hi.")], "session_id") for s in ("", "a\0", "x" * 129)),
    *(("Converse subject", [converse(speak="Hi.", subject=s)], "subject") for s in ("\0", "\x1b", "x" * 65, "é" * 33)),
    *(
        (f"Converse {f}", [converse(speak="Hi.", **{f: text})], f)
        for f in ("voice", "model")
        for text in ("\0", "x" * 129)
    ),
    *(("Converse persona", [converse(speak="Hi.", system_prompt=s)], "system_prompt") for s in ("\0", "x" * 100_001)),
    *(("Converse speed", [converse(speak="Hi.", speed=s)], "speed") for s in (0.1, 3, -1, NAN, INFINITE)),
    *(
        ("Converse emotion", [converse(speak="Hi.", emotions=[weight])], f"emotions[0].{field}")
        for weight, field in (
            (media_pb2.EmotionWeight(weight=1), "emotion"),
            (media_pb2.EmotionWeight(emotion=HAPPY, weight=NAN), "weight"),
        )
    ),
    ("Converse emotions", [converse(speak="Hi.", emotions=[media_pb2.EmotionWeight()] * 8)], "emotions"),
    *(("Converse policy", [converse(speak="Hi.", policy=p)], "policy") for p in (4, -1)),
    *(
        ("Interrupt session", [orchestrator_pb2.InterruptRequest(session_id=s)], "session_id")
        for s in ("", "\0", "x" * 129)
    ),
    *(("Interrupt turn", [orchestrator_pb2.InterruptRequest(session_id="a", turn_id=i)], "turn_id") for i in NO_UUIDS),
    *(
        ("GetHistory session", [orchestrator_pb2.GetHistoryRequest(session_id=s)], "session_id")
        for s in ("", "\0", "x" * 129)
    ),
    *(
        ("ClearHistory session", [orchestrator_pb2.ClearHistoryRequest(session_id=s)], "session_id")
        for s in ("", "\0", "x" * 129)
    ),
    *(("Converse turn", [converse(speak="Hi.", turn_id=i)], "turn_id") for i in NO_UUIDS),
    *(
        (f"Converse {field} {why}", [converse(speak="Hi.", **{field: labels})], field)
        for field in ("labels", "session_labels")
        for why, labels in BAD_LABELS.items()
    ),
    *(("GetTurn turn", [orchestrator_pb2.GetTurnRequest(turn_id=i)], "turn_id") for i in ("", *NO_UUIDS)),
    *(
        ("GetHistory page size", [orchestrator_pb2.GetHistoryRequest(session_id="a", page_size=n)], "page_size")
        for n in (-1, 1_001)
    ),
    *(
        ("GetHistory page", [orchestrator_pb2.GetHistoryRequest(session_id="a", page_token=t)], "page_token")
        for t in ("x", "-1", "١", "1" * 19)
    ),
]
