"""A connected UDP socket to one target, with counters; shared by all frame outputs over UDP."""

from __future__ import annotations

import logging
import socket

from services.common.addresses import Address, parse_address, resolve_udp
from services.common.errors import BadRequestError, ConfigurationError

logger = logging.getLogger(__name__)


class UdpTarget:
    """One receiver of datagrams. No error of the network ever stops the face."""

    def __init__(self, target: str, *, default_port: int) -> None:
        """Open a socket.

        Args:
            target: `HOST` or `HOST:PORT`; a broadcast address reaches all receivers of a network.
            default_port: Port where the target has none.

        Raises:
            ConfigurationError: The target has another form, or its name has no address.
        """
        try:
            endpoint = resolve_udp(parse_address(target, field="targets", default_port=default_port))
            self._socket = socket.socket(endpoint.family, endpoint.kind, endpoint.protocol)
            self._socket.setblocking(False)
            if endpoint.family == socket.AF_INET:
                self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
            self._socket.connect(endpoint.sockaddr)
        except BadRequestError as error:
            raise ConfigurationError(str(error)) from error
        except OSError as error:
            raise ConfigurationError(f"targets: cannot send to {target!r}: {error}") from error
        self.address = str(Address(*self._socket.getpeername()[:2]))
        self.sent_count = 0
        self.failed_count = 0

    def send(self, datagram: bytes | memoryview) -> None:
        """Send a datagram, and count.

        The kernel reports that nobody listens as a refusal of the datagram after it; that one is then sent again, so
        that a receiver that appears gets everything from its first moment.
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
