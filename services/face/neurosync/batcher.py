"""One thread owns the device; windows of all streams that are ready at about the same time go through together.

A stream waits for its answer before it asks again, so it has one request in line at most, and the line is served in
order: no stream can starve another, and a clip of many windows goes to the end of the line after each lot.
"""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from concurrent.futures import Future
from dataclasses import dataclass, field

import torch
from torch import Tensor

from services.errors import BusyError, UnavailableError
from services.face.neurosync.runner import DirectRunner
from services.face.neurosync.sound import Floats

GATHER_SECONDS = 0.003
"""Waited for company after the first window. Larger: bigger batches; smaller: a lone stream is answered sooner."""
LONGEST_LINE = 1024
"""Requests that may wait. Larger: an overloaded device answers later instead of refusing."""
ANSWER_SECONDS = 120.0
"""Seconds until an answer is given up; a lot of windows takes ten on a slow core."""
CLOSED = "the face model was closed"
CLOSE_SECONDS = 2.0
"""Seconds to wait for the pass that runs when the batcher is closed."""


@dataclass
class _Request:
    """Windows (B, T, inputs) and where their answers go."""

    windows: Tensor
    answers: Future[Floats] = field(default_factory=Future)


class Batcher:
    """A runner for many threads."""

    def __init__(self, runner: DirectRunner, *, gather: float = GATHER_SECONDS, longest: int = LONGEST_LINE) -> None:
        """Start the thread.

        Args:
            runner: used by that thread only.
            gather: see GATHER_SECONDS.
            longest: see LONGEST_LINE.
        """
        self.outputs = runner.outputs
        """Values in a row of an answer."""
        self._runner = runner
        self._gather = gather
        self._line: queue.Queue[_Request | None] = queue.Queue(longest)
        self._lock = threading.Lock()  # nothing joins the line once it is closed
        self._closed = False
        self._late: _Request | None = None  # taken from the line, but too large for the batch
        self._thread = threading.Thread(target=self._work, name="neurosync batches", daemon=True)
        self._thread.start()

    def answer(self, windows: Tensor) -> Floats:
        """Map windows (B, T, inputs) to float32 (B, T, outputs); waits for the device.

        Raises:
            BusyError: Too many wait already.
            UnavailableError: The batcher was closed, or the device is stuck.
        """
        answers = self.submit(windows)
        try:
            return answers.result(ANSWER_SECONDS)
        except TimeoutError as error:
            answers.cancel()
            raise UnavailableError(f"the face model gave no answer for {ANSWER_SECONDS:g} s") from error

    def submit(self, windows: Tensor) -> Future[Floats]:
        """Put windows in line; the answers are never computed if they are cancelled before their turn.

        Raises:
            BusyError: Too many wait already.
            UnavailableError: The batcher was closed.
        """
        request = _Request(windows)
        with self._lock:
            if self._closed:
                raise UnavailableError(CLOSED)
            try:
                self._line.put_nowait(request)
            except queue.Full as error:
                raise BusyError(f"{self._line.maxsize} requests wait for the face model") from error
        return request.answers

    def close(self) -> None:
        """End the thread; whoever waits gets an error."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            with contextlib.suppress(queue.Empty):
                while True:
                    self._refuse(self._line.get_nowait())
            self._line.put_nowait(None)
        self._thread.join(CLOSE_SECONDS)

    def _work(self) -> None:
        while (batch := self._batch()) is not None:
            live = [request for request in batch if request.answers.set_running_or_notify_cancel()]
            if live:
                self._run(live)

    def _run(self, batch: list[_Request]) -> None:
        try:
            answers = self._runner.answer(torch.cat([request.windows for request in batch]))
        except Exception as error:
            for request in batch:
                request.answers.set_exception(error)
            return
        at = 0
        for request in batch:
            request.answers.set_result(answers[at : at + len(request.windows)])
            at += len(request.windows)

    def _batch(self) -> list[_Request] | None:
        """Wait for the next request and what joins it, or None at the end."""
        first = self._late or self._line.get()
        self._late = None
        if first is None:
            return None
        batch, count, until = [first], len(first.windows), time.monotonic() + self._gather
        while count < self._runner.batch:
            try:
                request = self._line.get(timeout=max(0.0, until - time.monotonic()))
            except queue.Empty:
                break
            if request is None:
                self._line.put_nowait(None)
                break
            if count + len(request.windows) > self._runner.batch:
                self._late = request
                break
            batch.append(request)
            count += len(request.windows)
        return batch

    @staticmethod
    def _refuse(request: _Request | None) -> None:
        if request is not None and request.answers.set_running_or_notify_cancel():
            request.answers.set_exception(UnavailableError(CLOSED))
