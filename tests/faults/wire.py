"""What Unreal receives, by subject, while something else happens."""

from __future__ import annotations

import importlib
import itertools
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager

from bench.receiver import Receiver

JAW = 17
decode = importlib.import_module("tests.livelink_receiver").decode  # an outside program, without types


class Wire(Receiver):
    """Collects datagrams: arrival and the opening of the jaw, by subject."""

    def __init__(self) -> None:
        self.frames: dict[str, list[tuple[float, float]]] = defaultdict(list)
        super().__init__()

    def keep(self, at: float, wall: float, data: bytes) -> None:
        packet = decode(data)
        self.frames[packet["subject"]].append((at, packet["values"][JAW]))

    def rate(self, subject: str, since: float, until: float) -> float:
        """Return datagrams a second between two moments."""
        return sum(since < at <= until for at, _ in self.frames[subject]) / (until - since)

    def gap(self, subject: str, since: float, until: float) -> float:
        """Return the longest silence between two moments, in seconds."""
        times = [since, *(at for at, _ in self.frames[subject] if since < at <= until), until]
        return max(b - a for a, b in itertools.pairwise(times))

    def jaw(self, subject: str, since: float, until: float) -> list[float]:
        """Return the jaw's opening between two moments."""
        return [value for at, value in self.frames[subject] if since < at <= until]


@contextmanager
def wire() -> Iterator[Wire]:
    made = Wire()
    try:
        yield made
    finally:
        made.close()
