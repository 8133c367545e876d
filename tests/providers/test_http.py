"""HTTP failures as provider errors: what rests a provider, for how long, and what does not."""

from __future__ import annotations

import pytest

from services.providers.http import ACCOUNT_REST_SECONDS, DETAIL_CHARACTERS, network_errors, status_error, uses_proxy
from services.providers.provider_error import ProviderError


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504, None])
def test_statuses_that_speak_of_the_provider_count(status: int | None) -> None:
    error = status_error(status, "no")
    assert (error.counts, error.retry_after) == (True, None)
    assert str(error) == f"answered {status}: no"


@pytest.mark.parametrize("status", [400, 404, 413, 422])
def test_statuses_that_speak_of_the_request_do_not_count(status: int) -> None:
    assert not status_error(status, "no").counts


@pytest.mark.parametrize("status", [401, 402, 403])
def test_a_refused_account_rests_at_once_and_long(status: int) -> None:
    error = status_error(status, "no")
    assert (error.counts, error.retry_after) == (True, ACCOUNT_REST_SECONDS)
    assert "check the key" in str(error)


@pytest.mark.parametrize(
    ("status", "header", "seconds"),
    [
        (429, "7", 7.0),
        (503, "7", 7.0),
        (429, "9999", ACCOUNT_REST_SECONDS),
        (429, "Fri, 1 Jan", None),
        (500, "7", None),
    ],
)
def test_the_wait_that_a_busy_provider_asks_for_is_kept_within_bounds(
    status: int, header: str, seconds: float | None
) -> None:
    assert status_error(status, "busy", header).retry_after == seconds


def test_long_and_empty_details() -> None:
    assert len(str(status_error(500, "x" * 9999))) < DETAIL_CHARACTERS + 20
    assert str(status_error(500, "")) == "answered 500"


def test_errors_of_the_library_are_translated_and_others_are_not() -> None:
    with pytest.raises(ProviderError, match=r"^ConnectionError: gone$"), network_errors(ConnectionError):
        raise ConnectionError("gone")
    with pytest.raises(ProviderError, match=r"^ConnectionError$"), network_errors(ConnectionError):
        raise ConnectionError
    with pytest.raises(KeyError), network_errors(ConnectionError):
        raise KeyError


@pytest.mark.parametrize(
    ("url", "proxied"),
    [
        ("https://api.example.com/v1", True),
        ("http://127.0.0.1:8000/v1", False),
        ("http://localhost:8000", False),
        ("http://[::1]:8000", False),
    ],
)
def test_servers_on_this_machine_are_reached_without_a_proxy(url: str, proxied: bool) -> None:
    assert uses_proxy(url) is proxied
