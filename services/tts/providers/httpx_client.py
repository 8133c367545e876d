"""The HTTP client of speech providers: httpx, which the ElevenLabs SDK uses too."""

from __future__ import annotations

import logging

import httpx

from services.providers import http


def new_client(url: str, connect_seconds: float) -> httpx.AsyncClient:
    """Return a client for `url`; `connect_seconds` limits the connection alone.

    Reading has no limit here: the callers limit every wait themselves (`services.providers.deadlines`).
    """
    logging.getLogger("httpx").setLevel(logging.WARNING)  # it logs every request at INFO
    return httpx.AsyncClient(
        timeout=httpx.Timeout(None, connect=connect_seconds),
        limits=httpx.Limits(keepalive_expiry=http.KEEPALIVE_SECONDS),
        trust_env=http.uses_proxy(url),
    )
