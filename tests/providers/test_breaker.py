"""The circuit breaker of one provider."""

from __future__ import annotations

from services.providers.breaker import CircuitBreaker


def test_the_breaker_opens_after_failures_in_a_row_and_lets_one_call_try_after_a_while() -> None:
    breaker = CircuitBreaker(2, 30)
    breaker.failed(0)
    breaker.succeeded()
    breaker.failed(1)
    assert breaker.allows(1)
    breaker.failed(2)
    assert not breaker.allows(31.9)
    assert breaker.allows(32)
    assert not breaker.allows(33), "one tries, the others wait for its result"
    breaker.succeeded()
    assert breaker.allows(33)


def test_a_failure_with_a_retry_time_opens_the_breaker_at_once() -> None:
    breaker = CircuitBreaker(5, 30)
    breaker.failed(0, retry_after=300)
    assert not breaker.allows(299)
    assert breaker.allows(300)
