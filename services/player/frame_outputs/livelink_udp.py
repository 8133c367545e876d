"""Where datagrams go: one connected UDP socket a target. No error of the network ever stops the face."""

from __future__ import annotations

import logging
import socket
from collections.abc import Iterable

from services.common.errors import ConfigurationError

logger = logging.getLogger(__name__)

LIVE_LINK_PORT = 11111  # where Unreal listens


class Sink:
    """One receiver."""

    def __init__(self, target: str) -> None:
        """Send to `target`, `host` or `host:port`.

        Raises:
            ConfigurationError: The host or the port is none.
        """
        host, port = split_target(target)
        try:
            family, kind, protocol, _, where = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
            self._socket = socket.socket(family, kind, protocol)
            self._socket.setblocking(False)
            self._socket.connect(where)
        except OSError as error:
            raise ConfigurationError(f"targets: cannot send to {target!r}: {error}") from error
        peer, number = self._socket.getpeername()[:2]
        self.address = f"[{peer}]:{number}" if ":" in peer else f"{peer}:{number}"
        self.sent_count = 0
        self.failed_count = 0

    def send(self, datagram: bytes | memoryview) -> None:
        """Send, and count.

        Nobody listening shows one datagram late, as a refusal of the next; that one is then sent again, so that a
        receiver that appears gets everything from its first moment.
        """
        for _ in range(2):
            try:
                self._socket.send(datagram)
            except ConnectionRefusedError:
                self._count_failure("nobody listens")
                continue
            except OSError as error:
                self._count_failure(str(error))
                return
            self.sent_count += 1
            return

    def close(self) -> None:
        """Release the socket."""
        self._socket.close()

    def _count_failure(self, reason: str) -> None:
        if not self.failed_count:
            logger.info("datagram refused address=%s reason=%s", self.address, reason)
        self.failed_count += 1


def split_target(target: str) -> tuple[str, int]:
    """Return host and port of `host`, `host:port`, `[v6]` or `[v6]:port`; the port of Live Link where none is given.

    Raises:
        ConfigurationError: It is neither.
    """
    host, separator, port = target.rpartition(":")
    if not separator or target.endswith("]"):
        host, port = target, str(LIVE_LINK_PORT)
    host = host.removeprefix("[").removesuffix("]")
    if not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise ConfigurationError(f"targets: expected HOST or HOST:PORT, got {target!r}")
    return host, int(port)


def open_sinks(targets: Iterable[str]) -> list[Sink]:
    """Return a sink for each target.

    Raises:
        ConfigurationError: A target is wrong.
    """
    sinks: list[Sink] = []
    try:
        for target in targets:
            sinks.append(Sink(target))  # noqa: PERF401 - those that are open are closed when a later one fails
    except ConfigurationError:
        for sink in sinks:
            sink.close()
        raise
    return sinks
