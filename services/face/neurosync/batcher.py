"""One thread owns the device; windows of all streams that are ready at about the same time go through together.

Whoever waits takes turns: each turn of the line lets every request have one window in the next pass, so a clip of many
windows never holds up a stream of one. A stream waits for its answer before it asks again, which bounds the line by the
streams that were admitted.
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
"""Waited for company after the first window. Larger: bigger batches; smaller: a lone stream is answered sooner."""
LONGEST_LINE = 4096
"""Requests that may wait, as many as streams may be admitted. One more is refused."""
CLOSED = "the face model was closed"
CLOSE_SECONDS = 2.0
"""Seconds to wait for the pass that runs when the batcher is closed."""


class _Request:
    """Windows (B, T, inputs), and how many of them had their turn."""

    def __init__(self, windows: Tensor, outputs: int) -> None:
        self.windows = windows
        self.taken = self.answered = 0
        self.future: Future[Floats] = Future()
        self._answers: Floats = np.empty((*windows.shape[:2], outputs), np.float32)

    def note(self, index: int, answer: Floats) -> None:
        """Keep the answer of one window; the last one makes the result."""
        self._answers[index] = answer
        self.answered += 1
        if self.answered == len(self.windows) and self.future.set_running_or_notify_cancel():
            self.future.set_result(self._answers)

    def fail(self, error: Exception) -> None:
        """End with an error, unless it has ended."""
        if not self.future.done() and self.future.set_running_or_notify_cancel():
            self.future.set_exception(error)


class Batcher:
    """A runner that many threads may ask."""

    def __init__(self, runner: DirectRunner, *, gather: float = GATHER_SECONDS, longest: int = LONGEST_LINE) -> None:
        """Start the thread.

        Args:
            runner: used by that thread only.
            gather: see GATHER_SECONDS.
            longest: see LONGEST_LINE.
        """
        self.outputs = runner.outputs
        """Values in a row of an answer."""
        self.batch = runner.batch
        """Windows a pass at most."""
        self._runner = runner
        self._gather, self._longest = gather, longest
        self._line: deque[_Request] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self._thread = threading.Thread(target=self._work, name="neurosync batches", daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """Windows in line."""
        with self._changed:
            return self._count()

    def submit(self, windows: Tensor) -> Future[Floats]:
        """Put windows (B, T, inputs), T the same for all, in line; the answers are float32 (B, T, outputs).

        Once they are cancelled, no more of these windows are run.

        Raises:
            BusyError: Too many wait already.
            UnavailableError: The batcher was closed.
        """
        request = _Request(windows, self.outputs)
        with self._changed:
            if self._closed:
                raise UnavailableError(CLOSED)
            if len(self._line) >= self._longest:
                raise BusyError(f"{self._longest} requests wait for the face model")
            self._line.append(request)
            self._changed.notify()
        return request.future

    def close(self) -> None:
        """End the thread; whoever waits gets an error."""
        with self._changed:
            refused, self._line = self._line, deque()
            self._closed = True
            self._changed.notify()
        for request in refused:
            request.fail(UnavailableError(CLOSED))
        self._thread.join(CLOSE_SECONDS)

    def _work(self) -> None:
        while (turns := self._next()) is not None:
            try:
                answers = self._runner.answer(torch.stack([request.windows[index] for request, index in turns]))
            except Exception as error:
                self._drop({request for request, _ in turns}, error)
                continue
            for (request, index), answer in zip(turns, answers, strict=True):
                request.note(index, answer)

    def _next(self) -> list[tuple[_Request, int]] | None:
        """Wait for a window and what joins it; return requests, each with the window whose turn it is; None ends."""
        with self._changed:
            while not self._closed:
                self._changed.wait_for(lambda: self._closed or self._line)
                self._changed.wait_for(lambda: self._closed or self._count() >= self.batch, self._gather)
                if turns := self._turns():
                    return turns
            return None

    def _turns(self) -> list[tuple[_Request, int]]:
        """Take up to a batch of windows out of the line, one of each request at a time."""
        turns: list[tuple[_Request, int]] = []
        while self._line and len(turns) < self.batch:
            request = self._line.popleft()
            if request.future.cancelled():
                continue
            turns.append((request, request.taken))
            request.taken += 1
            if request.taken < len(request.windows):
                self._line.append(request)
        return turns

    def _count(self) -> int:
        return sum(len(request.windows) - request.taken for request in self._line)

    def _drop(self, requests: set[_Request], error: Exception) -> None:
        """End requests, of which some may be in line with their other windows."""
        with self._changed:
            self._line = deque(request for request in self._line if request not in requests)
        for request in requests:
            request.fail(error)
