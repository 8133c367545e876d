"""Computations that wait for a device."""

from __future__ import annotations

from concurrent.futures import Future

import pytest

from services.face.deferred_work import Work, run_work


def test_work_without_an_answer_times_out_and_is_cancelled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.face.deferred_work.ANSWER_SECONDS", 0.01)
    asked: Future[int] = Future()

    def work() -> Work[int]:
        answer: int = yield asked
        return answer

    with pytest.raises(Exception, match=r"gave no answer for 0\.01 s"):
        run_work(work())
    assert asked.cancelled()
