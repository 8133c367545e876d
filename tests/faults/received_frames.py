"""A Live Link receiver that keeps the arrival time and the jaw of every frame, by subject."""

from __future__ import annotations

import importlib
import itertools
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager

from bench.receiver import Receiver

JAW = 17
decode = importlib.import_module("tests.livelink_receiver").decode  # an independent decoder, without types


class ReceivedFrames(Receiver):
    """Collects the frames that arrive."""

    def __init__(self) -> None:
        self.frames: dict[str, list[tuple[float, float]]] = defaultdict(list)
        super().__init__()

    def keep(self, at: float, wall: float, data: bytes) -> None:
        packet = decode(data)
        self.frames[packet["subject"]].append((at, packet["values"][JAW]))

    def rate(self, subject: str, since: float, until: float) -> float:
        """Return the frames a second between two times."""
        return sum(since < at <= until for at, _ in self.frames[subject]) / (until - since)

    def gap(self, subject: str, since: float, until: float) -> float:
        """Return the longest time without a frame between two times, in seconds."""
        times = [since, *(at for at, _ in self.frames[subject] if since < at <= until), until]
        return max(b - a for a, b in itertools.pairwise(times))

    def jaw(self, subject: str, since: float, until: float) -> list[float]:
        """Return the values of JawOpen between two times."""
        return [value for at, value in self.frames[subject] if since < at <= until]


@contextmanager
def received_frames() -> Iterator[ReceivedFrames]:
    made = ReceivedFrames()
    try:
        yield made
    finally:
        made.close()
