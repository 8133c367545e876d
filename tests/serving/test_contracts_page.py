"""docs/contracts.md names every status and reason that a server ends a call with, and no other."""

from __future__ import annotations

import re
from pathlib import Path

import grpc

from neurosync.v1 import outcome_pb2
from services.common import errors
from services.serving.error_status import STATUSES

PAGE = Path(__file__).parents[2] / "docs" / "contracts.md"


def status_of(kind: type[errors.NeuroSyncError]) -> str:
    return next((code.name for known, code in STATUSES if issubclass(kind, known)), grpc.StatusCode.INTERNAL.name)


def test_the_table_of_errors_is_that_of_the_servers() -> None:
    kinds = [
        kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.NeuroSyncError)
    ]
    expected = {(status_of(kind), kind.reason) for kind in kinds} | {("UNAUTHENTICATED", "UNAUTHENTICATED")}
    rows = re.findall(r"(?m)^\| `([A-Z_]+)` \| `([A-Z_]+)` \|", PAGE.read_text(encoding="utf-8"))
    assert len(rows) == len(set(rows))
    assert set(rows) == expected


def test_every_reason_of_the_table_is_one_of_the_contracts() -> None:
    reasons = re.findall(r"(?m)^\| `[A-Z_]+` \| `([A-Z_]+)` \|", PAGE.read_text(encoding="utf-8"))
    assert {f"REASON_{reason}" for reason in reasons} <= set(outcome_pb2.Reason.keys())
