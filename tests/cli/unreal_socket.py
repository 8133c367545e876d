"""What arrives at a UDP socket in the place of Unreal (the fixture `unreal`)."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

from services.media.curves import INDEX
from services.media.livelink import decode
from tests import livelink_receiver

JAW = INDEX["JawOpen"]
QUIET_SECONDS = 0.2  # after which nothing more is expected


def arrived(receiver: socket.socket) -> list[dict[str, Any]]:
    """Return what waits at the socket, decoded; every datagram is one that Unreal takes."""
    packets = []
    receiver.settimeout(QUIET_SECONDS)
    while True:
        try:
            packets.append(livelink_receiver.decode(receiver.recv(2048)))
        except TimeoutError:
            return packets


async def jaws(unreal: socket.socket, until: float) -> list[float]:
    """Return JawOpen of what arrives, up to the first value of `until` or more."""
    loop, values = asyncio.get_running_loop(), [0.0]
    async with asyncio.timeout(30):
        while values[-1] < until:
            values.append(float(decode(await loop.sock_recv(unreal, 2048)).values[JAW]))
    return values
