"""Windows of many threads through one device."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from services.common.types import Floats

pytest.importorskip("torch", reason="torch is not installed (extra: torch)")

import torch

from services.common.errors import BusyError, UnavailableError
from services.face.neurosync.batcher import Batcher
from services.face.neurosync.network import Network
from services.face.neurosync.runner import DirectRunner


class Watched(DirectRunner):
    """Counts passes; each waits until it is let through."""

    def __init__(self, network: Network) -> None:
        super().__init__(network)
        self.sizes: list[int] = []
        self.entered = threading.Semaphore(0)
        self.gate = threading.Semaphore(0)
        self.fails = False

    def answer(self, windows: torch.Tensor) -> Floats:
        self.sizes.append(len(windows))
        self.entered.release()
        assert self.gate.acquire(timeout=10)
        if self.fails:
            raise RuntimeError("out of memory")
        return super().answer(windows)


@pytest.fixture
def watched(network: Network) -> Watched:
    return Watched(network)


@pytest.fixture
def batcher(watched: Watched) -> Iterator[Batcher]:
    made = Batcher(watched, longest=8)
    yield made
    for _ in range(20):
        watched.gate.release()
    made.close()


def windows(count: int, seed: int) -> torch.Tensor:
    return torch.randn(count, 128, 256, generator=torch.Generator().manual_seed(seed))


def test_windows_of_many_threads_get_their_own_answers(network: Network, runner: DirectRunner) -> None:
    batcher = Batcher(DirectRunner(network))
    asked = [windows(1 + seed % 3, seed) for seed in range(16)]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda question: batcher.submit(question).result(10), asked))
    batcher.close()
    for question, answer in zip(asked, answers, strict=True):
        torch.testing.assert_close(
            torch.from_numpy(answer), torch.from_numpy(runner.answer(question)), rtol=0, atol=1e-3
        )


def test_queued_windows_are_batched_round_robin(watched: Watched, batcher: Batcher) -> None:
    first = batcher.submit(windows(1, 0))
    assert watched.entered.acquire(timeout=5)  # it runs; the others gather behind it
    clip, *streams = (batcher.submit(windows(count, count)) for count in (9, 1, 1))
    assert batcher.waiting == 11
    for _ in range(2):
        watched.gate.release()
    assert [len(stream.result(10)) for stream in streams] == [1, 1]  # both in the pass after the one that ran
    assert not clip.done()
    for _ in range(2):
        watched.gate.release()
    assert [len(first.result(10)), len(clip.result(10))] == [1, 9]
    assert watched.sizes == [1, 4, 4, 3]  # at most 4 in a pass on a CPU, and no window more than was asked for
    assert batcher.waiting == 0


def test_a_request_cancelled_halfway_has_no_more_windows_run(watched: Watched, batcher: Batcher) -> None:
    clip = batcher.submit(windows(9, 0))
    assert watched.entered.acquire(timeout=5)  # 4 of them run
    kept = batcher.submit(windows(1, 1))
    assert clip.cancel()
    for _ in range(2):
        watched.gate.release()
    assert len(kept.result(10)) == 1
    assert watched.sizes == [4, 1]


def test_a_request_that_is_cancelled_in_the_queue_is_never_run(watched: Watched, batcher: Batcher) -> None:
    running = batcher.submit(windows(1, 0))
    assert watched.entered.acquire(timeout=5)
    cancelled, kept = batcher.submit(windows(2, 1)), batcher.submit(windows(1, 2))
    assert cancelled.cancel()
    watched.gate.release()
    watched.gate.release()
    assert len(kept.result(10)) == len(running.result(10)) == 1
    assert watched.sizes == [1, 1]


def test_a_full_queue_refuses(watched: Watched, batcher: Batcher) -> None:
    batcher.submit(windows(1, 0))
    assert watched.entered.acquire(timeout=5)
    for seed in range(8):
        batcher.submit(windows(1, seed))
    with pytest.raises(BusyError, match="8 requests wait for the face model"):
        batcher.submit(windows(1, 9))


def test_a_failure_reaches_its_requests_and_the_next_pass_runs(watched: Watched, batcher: Batcher) -> None:
    watched.fails = True
    failing = batcher.submit(windows(6, 0))
    watched.gate.release()
    with pytest.raises(RuntimeError, match="out of memory"):
        failing.result(10)
    watched.fails = False
    watched.gate.release()
    assert batcher.submit(windows(1, 1)).result(10).shape == (1, 128, 68)
    assert watched.sizes == [4, 1]  # the rest of what failed is not run


def test_closing_refuses_waiting_and_new_requests(watched: Watched, batcher: Batcher) -> None:
    running = batcher.submit(windows(1, 0))
    assert watched.entered.acquire(timeout=5)
    waiting = batcher.submit(windows(1, 1))
    watched.gate.release()
    batcher.close()
    assert len(running.result(10)) == 1
    with pytest.raises(UnavailableError, match="closed"):
        waiting.result(10)
    with pytest.raises(UnavailableError, match="closed"):
        batcher.submit(windows(1, 2))
    batcher.close()
