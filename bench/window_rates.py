"""Datagrams per character in windows of ten seconds, for runs too long to keep every datagram."""

from __future__ import annotations

from collections import Counter, defaultdict

from bench.machine import stolen_seconds
from bench.receiver import Receiver
from services.media.livelink import decode

WINDOW_SECONDS = 10.0


class WindowRates(Receiver):
    """Counts datagrams by character and window of time, without keeping them."""

    def __init__(self) -> None:
        self.windows: dict[str, Counter[int]] = defaultdict(Counter)
        self.longest: dict[str, float] = defaultdict(float)
        self._last: dict[str, float] = {}
        self._stolen: dict[int, float] = {}
        """Seconds of processor that the machine's host had kept when a window began."""
        super().__init__()

    def keep(self, at: float, wall: float, data: bytes) -> None:
        character, window = decode(data).subject, int(at // WINDOW_SECONDS)
        self.windows[character][window] += 1
        if window not in self._stolen:
            self._stolen[window] = stolen_seconds()
        self.longest[character] = max(self.longest[character], at - self._last.get(character, at))
        self._last[character] = at

    def rates(self, character: str) -> list[tuple[float, float]]:
        """Return the datagrams a second of each whole window, and the share of it that the host kept to itself."""
        counts = self.windows[character]
        return [
            (counts[window] / WINDOW_SECONDS, self._stolen_in(window) / WINDOW_SECONDS)
            for window in range(min(counts) + 1, max(counts))
        ]

    def _stolen_in(self, window: int) -> float:
        """Return the seconds that the host kept, of all processors; none where a whole window brought nothing."""
        begun, ended = self._stolen.get(window), self._stolen.get(window + 1)
        return 0.0 if begun is None or ended is None else ended - begun
