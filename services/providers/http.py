"""HTTP calls to providers: limits of a client, and failures translated to `ProviderError`.

The vendors' SDKs bring different HTTP libraries (httpx, httpx2), so this module imports none.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from urllib.parse import urlsplit

from services.common.addresses import is_loopback
from services.providers.provider_error import ProviderError

KEEPALIVE_SECONDS = 300.0  # of an idle connection: the next request needs no new handshake (about 100 ms)
ACCOUNT_REST_SECONDS = 300.0  # a refused key or an empty account is not better after a moment
DETAIL_CHARACTERS = 200  # of a provider's error text that are passed on

_ACCOUNT_STATUSES = (401, 402, 403)
_TRANSIENT_STATUSES = (408, 425, 429)  # 4xx that speak of the provider's state, not of the request


def uses_proxy(url: str) -> bool:
    """Return whether the environment's proxy applies to `url`; a server on this machine is reached without it."""
    return not is_loopback(urlsplit(url).hostname or "")


def status_error(status: int | None, detail: str, retry_after: str | None = None) -> ProviderError:
    """Return the error for an HTTP status that is not success.

    Args:
        status: The status; None if unknown.
        detail: The provider's own words.
        retry_after: The header of that name; only a number of seconds is used.
    """
    reason = f"answered {status}: {detail[:DETAIL_CHARACTERS]}" if detail else f"answered {status}"
    if status in _ACCOUNT_STATUSES:
        return ProviderError(f"{reason} (check the key and the account)", retry_after=ACCOUNT_REST_SECONDS)
    if status in (429, 503) and retry_after and retry_after.isdecimal():
        return ProviderError(reason, retry_after=min(float(retry_after), ACCOUNT_REST_SECONDS))
    about_request = status is not None and 400 <= status < 500 and status not in _TRANSIENT_STATUSES
    return ProviderError(reason, counts=not about_request)


@contextlib.contextmanager
def network_errors(*kinds: type[Exception]) -> Iterator[None]:
    """Translate errors of the HTTP library (`kinds`) within the block to ProviderError."""
    try:
        yield
    except kinds as error:
        detail = str(error)[:DETAIL_CHARACTERS]
        name = type(error).__name__
        raise ProviderError(f"{name}: {detail}" if detail else name) from error
