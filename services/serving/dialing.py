"""gRPC channels to services: keepalive, load balancing, safe retries, TLS, and the metadata that carries the token."""

from __future__ import annotations

import json
from pathlib import Path

import grpc

from services.common.errors import ConfigurationError

Metadata = tuple[tuple[str, str], ...]

# gRPC retries these calls until their first response; they take one request and are safe to repeat.
_RETRIED = (
    {"service": "neurosync.v1.LanguageModelService", "method": "Generate"},
    {"service": "neurosync.v1.SpeechService", "method": "Synthesize"},
    {"service": "neurosync.v1.FaceService", "method": "AnimateClip"},
)
_SERVICE_CONFIG = json.dumps(
    {
        "loadBalancingConfig": [{"round_robin": {}}],
        "methodConfig": [
            {
                "name": list(_RETRIED),
                "retryPolicy": {
                    "maxAttempts": 3,
                    "initialBackoff": "0.1s",
                    "maxBackoff": "1s",
                    "backoffMultiplier": 2,
                    "retryableStatusCodes": ["UNAVAILABLE", "RESOURCE_EXHAUSTED"],
                },
            }
        ],
    }
)
_OPTIONS: tuple[tuple[str, int | str], ...] = (
    ("grpc.keepalive_time_ms", 60_000),  # smaller: servers answer too_many_pings; larger: a dead peer is noticed late
    ("grpc.keepalive_timeout_ms", 20_000),
    ("grpc.max_reconnect_backoff_ms", 500),  # a restarted neighbour is found within half a second
    ("grpc.use_local_subchannel_pool", 1),  # a new channel opens a new connection, as the old one may be half open
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 2_000),  # time limit of connecting; a busy machine needs more than 100 ms
    ("grpc.enable_http_proxy", 0),  # a desktop's proxy cannot reach services on its own machine or cluster
    ("grpc.service_config", _SERVICE_CONFIG),
)


def dial(
    address: str, *, authority: Path | None = None, certificate: Path | None = None, key: Path | None = None
) -> grpc.aio.Channel:
    """Return a channel to `address` (`host:port`, or `dns:///service:port` for all replicas behind a name).

    Args:
        address: Where the service listens.
        authority: PEM file of the authority that signed the server's certificate; absent: plain text.
        certificate: PEM chain that the client shows, for servers that require one (mutual TLS).
        key: PEM key of `certificate`.

    Raises:
        ConfigurationError: A file cannot be read, or the client's certificate lacks its key or the authority.
    """
    if (certificate is None) != (key is None) or (certificate and not authority):
        raise ConfigurationError("mutual TLS: expected an authority, a certificate and its key")
    if authority is None:
        return grpc.aio.insecure_channel(address, options=_OPTIONS)
    try:
        root = authority.read_bytes()
        pair = (key.read_bytes(), certificate.read_bytes()) if key and certificate else (None, None)
    except OSError as error:
        raise ConfigurationError(f"cannot read a certificate: {error}") from error
    credentials = grpc.ssl_channel_credentials(root, *pair)
    return grpc.aio.secure_channel(address, credentials, options=_OPTIONS)


def credentials(token: str | None) -> Metadata:
    """Return the metadata to pass with every call, empty without a token."""
    return (("authorization", f"Bearer {token}"),) if token else ()
