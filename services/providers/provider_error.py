"""The error that every provider raises when it cannot answer, with what failover needs to act on it."""

from __future__ import annotations

from services.common.errors import UnavailableError


class ProviderError(UnavailableError):
    """A provider did not answer, or broke off.

    The message does not name the provider; `Failover` does that.
    """

    def __init__(self, message: str, *, counts: bool = True, retry_after: float | None = None) -> None:
        """Describe the failure.

        Args:
            message: What failed, for people.
            counts: Whether the failure counts against the provider. False for a fault of this one request (such as
                HTTP status 422): other requests go on to use the provider.
            retry_after: Seconds for which the provider is not called again, from this failure on; None leaves it to
                the circuit breaker, which counts failures.
        """
        super().__init__(message)
        self.counts = counts
        self.retry_after = retry_after
