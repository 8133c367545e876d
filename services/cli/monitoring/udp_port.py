"""A UDP port that returns datagrams with their times of arrival, taken by the kernel where it can."""

from __future__ import annotations

import select
import socket
import struct
import sys
import time
from types import TracebackType
from typing import Self

from services.common.addresses import Address, resolve_udp
from services.common.errors import UnavailableError

RECEIVE_BYTES = (
    1 << 20
)  # of the receive buffer, some thousand datagrams; with fewer, some are lost while the screen is drawn
MAX_DATAGRAM = 65_535
MAX_AT_ONCE = 10_000  # datagrams returned by one call, so that a flood cannot keep it from returning
_SO_TIMESTAMPNS = 35  # Linux (asm-generic/socket.h); Python has the name from 3.14 on
_TIMESPEC = struct.Struct("@ll")


class UdpPort:
    """An open UDP port.

    The time of arrival is the kernel's on Linux, so that it does not depend on what this process does meanwhile;
    elsewhere it is the time of reading. The kernel's clock is that of the day: setting it shows as one odd gap.
    """

    def __init__(self, host: str, port: int) -> None:
        """Open it.

        Raises:
            UnavailableError: It is taken, or the host is not one of this machine.
        """
        try:
            endpoint = resolve_udp(Address(host, port))
            self._socket = socket.socket(endpoint.family, endpoint.kind, endpoint.protocol)
        except OSError as error:
            raise UnavailableError(f"cannot listen on {host}: {error.strerror}") from error
        try:
            if (
                sys.platform == "win32"
            ):  # where a second listener would otherwise share the port, and take its datagrams
                self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BYTES)
            self._stamped = sys.platform == "linux" and struct.calcsize("l") == 8
            if self._stamped:
                self._socket.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
            self._socket.bind(endpoint.sockaddr)
            self._socket.setblocking(False)
        except OSError as error:
            self._socket.close()
            raise UnavailableError(f"cannot listen on UDP {Address(host, port)}: {error.strerror}") from error
        self.port = int(self._socket.getsockname()[1])
        """The port, also where 0 asked for any."""

    def now(self) -> float:
        """Return the time on the clock of the arrivals, in seconds."""
        return time.time() if self._stamped else time.monotonic()

    def receive(self, timeout: float) -> list[tuple[float, bytes]]:
        """Return what arrived, as (time in seconds, bytes); wait for the first for at most `timeout` seconds."""
        arrived: list[tuple[float, bytes]] = []
        if not select.select([self._socket], [], [], timeout)[0]:
            return arrived
        while len(arrived) < MAX_AT_ONCE:
            try:
                arrived.append(self._read())
            except BlockingIOError:
                break
        return arrived

    def _read(self) -> tuple[float, bytes]:
        if not self._stamped:
            return self.now(), self._socket.recv(MAX_DATAGRAM)
        data, ancillary, _, _ = self._socket.recvmsg(MAX_DATAGRAM, socket.CMSG_SPACE(_TIMESPEC.size))
        for _, kind, body in ancillary:
            if kind == _SO_TIMESTAMPNS and len(body) >= _TIMESPEC.size:
                seconds, nanoseconds = _TIMESPEC.unpack_from(body)
                return seconds + nanoseconds / 1e9, data
        return self.now(), data

    def close(self) -> None:
        """Release the port."""
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
