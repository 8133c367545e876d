"""Batches the windows of all streams for one device: one thread owns it, and a pass takes what is ready.

Requests are served round-robin: each pass takes one window of every queued request before it takes a second one of
any, so a clip of many windows never holds up a stream of one. A stream waits for its answer before it submits again,
so the queue is no longer than the number of admitted streams.
"""

from __future__ import annotations

import threading
from collections import deque
from concurrent.futures import Future

import numpy as np
import torch
from torch import Tensor

from services.common.errors import BusyError, UnavailableError
from services.common.types import Floats
from services.face.neurosync.runner import DirectRunner

GATHER_SECONDS = 0.003
"""Wait for more windows after the first. Larger: bigger batches; smaller: a lone stream is answered sooner."""
MAX_QUEUED = 4096
"""Requests that may wait, as many as streams may be admitted. One more is refused."""
CLOSED = "the face model was closed"
CLOSE_SECONDS = 2.0
"""Seconds that `close` waits for the pass that runs."""


class _Request:
    """Windows (B, T, inputs), and how many of them were taken and answered."""

    def __init__(self, windows: Tensor, outputs: int) -> None:
        self.windows = windows
        self.taken = self.answered = 0
        self.future: Future[Floats] = Future()
        self._answers: Floats = np.empty((*windows.shape[:2], outputs), np.float32)

    def set_answer(self, index: int, answer: Floats) -> None:
        """Store the answer of one window; the last one completes the future."""
        self._answers[index] = answer
        self.answered += 1
        if self.answered == len(self.windows) and self.future.set_running_or_notify_cancel():
            self.future.set_result(self._answers)

    def fail(self, error: Exception) -> None:
        """Fail the future, unless it is done."""
        if not self.future.done() and self.future.set_running_or_notify_cancel():
            self.future.set_exception(error)


class Batcher:
    """A runner that any number of threads may use."""

    def __init__(self, runner: DirectRunner, *, gather: float = GATHER_SECONDS, longest: int = MAX_QUEUED) -> None:
        """Start the thread.

        Args:
            runner: used by that thread only.
            gather: see GATHER_SECONDS.
            longest: see MAX_QUEUED.
        """
        self.outputs = runner.outputs
        """Values in a row of an answer."""
        self.batch = runner.batch
        """Windows a pass at most."""
        self._runner = runner
        self._gather, self._longest = gather, longest
        self._queue: deque[_Request] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="neurosync batches", daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """Windows in the queue."""
        with self._changed:
            return self._count()

    def submit(self, windows: Tensor) -> Future[Floats]:
        """Queue windows (B, T, inputs), T the same for all; the future's result is float32 (B, T, outputs).

        Once the future is cancelled, no more of its windows are run.

        Raises:
            BusyError: Too many requests wait already.
            UnavailableError: The batcher was closed.
        """
        request = _Request(windows, self.outputs)
        with self._changed:
            if self._closed:
                raise UnavailableError(CLOSED)
            if len(self._queue) >= self._longest:
                raise BusyError(f"{self._longest} requests wait for the face model; try again later")
            self._queue.append(request)
            self._changed.notify()
        return request.future

    def close(self) -> None:
        """End the thread; requests that wait fail."""
        with self._changed:
            refused, self._queue = self._queue, deque()
            self._closed = True
            self._changed.notify()
        for request in refused:
            request.fail(UnavailableError(CLOSED))
        self._thread.join(CLOSE_SECONDS)

    def _run(self) -> None:
        while (batch := self._next_batch()) is not None:
            try:
                answers = self._runner.answer(torch.stack([request.windows[index] for request, index in batch]))
            except Exception as error:
                self._fail({request for request, _ in batch}, error)
                continue
            for (request, index), answer in zip(batch, answers, strict=True):
                request.set_answer(index, answer)

    def _next_batch(self) -> list[tuple[_Request, int]] | None:
        """Wait for windows; return requests, each with the index of its window to run, or None once closed."""
        with self._changed:
            while not self._closed:
                self._changed.wait_for(lambda: self._closed or self._queue)
                self._changed.wait_for(lambda: self._closed or self._count() >= self.batch, self._gather)
                if batch := self._take_batch():
                    return batch
            return None

    def _take_batch(self) -> list[tuple[_Request, int]]:
        """Take up to a batch of windows out of the queue, one of each request at a time."""
        batch: list[tuple[_Request, int]] = []
        while self._queue and len(batch) < self.batch:
            request = self._queue.popleft()
            if request.future.cancelled():
                continue
            batch.append((request, request.taken))
            request.taken += 1
            if request.taken < len(request.windows):
                self._queue.append(request)
        return batch

    def _count(self) -> int:
        return sum(len(request.windows) - request.taken for request in self._queue)

    def _fail(self, requests: set[_Request], error: Exception) -> None:
        """Fail requests, and remove their other windows from the queue."""
        with self._changed:
            self._queue = deque(request for request in self._queue if request not in requests)
        for request in requests:
            request.fail(error)
