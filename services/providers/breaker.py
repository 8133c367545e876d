"""A circuit breaker: counts the failures of a provider and keeps it out for a while; told the time, never asking."""

from __future__ import annotations


class Breaker:
    """Closed, it lets every call through; open, none; after a while, one call to try."""

    def __init__(self, failures: int, seconds: float) -> None:
        """Open after `failures` in a row, for `seconds`."""
        self._limit = failures
        self._seconds = seconds
        self._failures = 0
        self._closed_from = 0.0

    def allows(self, now: float) -> bool:
        """Return whether to call at `now` (seconds, monotonic).

        After the wait one call is let through; until it succeeds, or the same wait has passed, no other is.
        """
        if self._failures < self._limit:
            return True
        if now < self._closed_from:
            return False
        self._closed_from = now + self._seconds
        return True

    def failed(self, now: float, hold: float | None = None) -> None:
        """Count a failure; `hold` seconds, where given, opens at once for that long."""
        self._failures = self._failures + 1 if hold is None else max(self._failures + 1, self._limit)
        self._closed_from = now + (self._seconds if hold is None else hold)

    def succeeded(self) -> None:
        """Forget the failures."""
        self._failures = 0
