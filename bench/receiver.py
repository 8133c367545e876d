"""A UDP receiver in the place of Unreal: keeps every datagram with its time of arrival."""

from __future__ import annotations

import contextlib
import select
import socket
import struct
import sys
import threading
import time
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from services.media.curves import CURVE_COUNT
from services.media.livelink import DAY_SECONDS, Datagram, decode

SO_TIMESTAMPNS = 35  # Linux: the kernel stamps each datagram as it comes, however late this process looks
STAMP = struct.Struct("@ll")
UNDISTURBED_SECONDS = 0.00005  # between two clocks that were read at once


class Receiver:
    """Takes datagrams as Unreal does, in a thread of its own, each with the time of its arrival."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        if sys.platform == "linux":
            self._socket.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self._socket.bind(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._socket.getsockname()[1]}"
        self.arrivals: list[tuple[float, float, bytes]] = []
        """Monotonic time, time of day, bytes."""
        self._ending = False
        self._epoch = time.time() - time.monotonic()
        self._thread = threading.Thread(target=self._listen, name="receiver", daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        while not self._ending:
            if select.select([self._socket], [], [], 0.2)[0]:
                data, stamps, _, _ = self._socket.recvmsg(2048, socket.CMSG_SPACE(STAMP.size))
                before, wall, after = time.monotonic(), time.time(), time.monotonic()
                if after - before < UNDISTURBED_SECONDS:
                    self._epoch = wall - (before + after) / 2
                for _, kind, body in stamps:
                    if kind == SO_TIMESTAMPNS:
                        seconds, nanoseconds = STAMP.unpack(body)
                        wall = seconds + nanoseconds * 1e-9
                self.keep(wall - self._epoch, wall, data)

    def keep(self, at: float, wall: float, data: bytes) -> None:
        """Keep a datagram that came at monotonic time `at`, time of day `wall`."""
        self.arrivals.append((at, wall, data))

    def close(self) -> None:
        """End it."""
        self._ending = True
        self._thread.join(2)
        self._socket.close()

    def times(self) -> npt.NDArray[np.float64]:
        """Return when the datagrams came, in monotonic time."""
        return np.array([at for at, _, _ in self.arrivals])

    def curve(self, index: int) -> npt.NDArray[np.float32]:
        """Return one curve of all datagrams."""
        start = 4 * (index - CURVE_COUNT)
        stop = start + 4 or None
        return np.array([struct.unpack("!f", data[start:stop])[0] for _, _, data in self.arrivals], np.float32)

    def lateness(self) -> npt.NDArray[np.float64]:
        """Return by how many seconds each datagram came after the time of its timecode."""
        zone = time.localtime().tm_gmtoff
        late = []
        for _, wall, data in self.arrivals:
            seen: Datagram = decode(data)
            due = (seen.frame + seen.sub_frame) / 60
            late.append(((wall + zone) % DAY_SECONDS - due + DAY_SECONDS / 2) % DAY_SECONDS - DAY_SECONDS / 2)
        return np.array(late)


@contextlib.contextmanager
def receiver() -> Iterator[Receiver]:
    """Receive until the block ends."""
    made = Receiver()
    try:
        yield made
    finally:
        made.close()
