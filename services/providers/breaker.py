"""A circuit breaker: counts the failures of one provider, and rests it for a while after too many in a row.

It has no clock of its own; the caller passes the time.
"""

from __future__ import annotations


class CircuitBreaker:
    """Closed, it allows every call; open, none; after the rest, one call to try."""

    def __init__(self, failures: int, seconds: float) -> None:
        """Open after `failures` in a row, for `seconds`."""
        self._limit = failures
        self._seconds = seconds
        self._failures = 0
        self._open_until = 0.0

    def allows(self, now: float) -> bool:
        """Return whether to call at `now` (seconds, monotonic).

        After the rest one call is allowed; until it succeeds, or the same time has passed again, no other is.
        """
        if self._failures < self._limit:
            return True
        if now < self._open_until:
            return False
        self._open_until = now + self._seconds
        return True

    def failed(self, now: float, retry_after: float | None = None) -> None:
        """Count a failure; `retry_after` seconds, where given, opens the breaker at once for that long."""
        opens = retry_after is not None
        self._failures = max(self._failures + 1, self._limit) if opens else self._failures + 1
        self._open_until = now + (self._seconds if retry_after is None else retry_after)

    def succeeded(self) -> None:
        """Close the breaker."""
        self._failures = 0
