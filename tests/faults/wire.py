"""What Unreal receives, with the time of arrival, while something else happens."""

from __future__ import annotations

import importlib
import itertools
import select
import socket
import struct
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager

JAW = 17
SO_TIMESTAMPNS = 35  # Linux: the kernel says when a datagram came, however late this process looks
STAMP = struct.Struct("ll")
decode = importlib.import_module("tests.livelink_receiver").decode  # an outside program, without types


class Wire:
    """Collects datagrams in a thread: arrival and the opening of the jaw, by subject."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        if sys.platform == "linux":
            self._socket.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self._socket.bind(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._socket.getsockname()[1]}"
        self.frames: dict[str, list[tuple[float, float]]] = defaultdict(list)
        self._ending = False
        self._thread = threading.Thread(target=self._listen, name="wire", daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        while not self._ending:
            if select.select([self._socket], [], [], 0.2)[0]:
                data, stamps, _, _ = self._socket.recvmsg(2048, socket.CMSG_SPACE(STAMP.size))
                packet = decode(data)
                self.frames[packet["subject"]].append((_arrival(stamps), packet["values"][JAW]))

    def close(self) -> None:
        self._ending = True
        self._thread.join(2)
        self._socket.close()

    def rate(self, subject: str, since: float, until: float) -> float:
        """Return datagrams a second between two moments."""
        return sum(since < at <= until for at, _ in self.frames[subject]) / (until - since)

    def gap(self, subject: str, since: float, until: float) -> float:
        """Return the longest silence between two moments, in seconds."""
        times = [since, *(at for at, _ in self.frames[subject] if since < at <= until), until]
        return max(b - a for a, b in itertools.pairwise(times))

    def jaw(self, subject: str, since: float, until: float) -> list[float]:
        """Return the jaw's opening between two moments."""
        return [value for at, value in self.frames[subject] if since < at <= until]


def _arrival(stamps: list[tuple[int, int, bytes]]) -> float:
    """Return when a datagram came, in monotonic time."""
    for _, kind, data in stamps:
        if kind == SO_TIMESTAMPNS:
            seconds, nanoseconds = STAMP.unpack(data)
            return float(seconds + nanoseconds * 1e-9 - time.time() + time.monotonic())
    return time.monotonic()


@contextmanager
def wire() -> Iterator[Wire]:
    made = Wire()
    try:
        yield made
    finally:
        made.close()
