"""Live Link datagrams for tests."""

from __future__ import annotations

import socket

import numpy as np
import numpy.typing as npt

from services.media.curves import CURVE_COUNT, INDEX
from services.media.livelink import LiveLinkEncoder

NOON = 12 * 3600 * 60  # frames at 60 Hz


def pose(**curves: float) -> npt.NDArray[np.float32]:
    values = np.zeros(CURVE_COUNT, np.float32)
    for name, value in curves.items():
        values[INDEX[name]] = value
    return values


def packet(
    frame: int = NOON, *, subject: str = "Ada", sub_frame: float = 0.0, rate: tuple[int, int] = (60, 1), **curves: float
) -> bytes:
    return LiveLinkEncoder(subject, device_id="device").encode(
        pose(**curves), frame=frame, sub_frame=sub_frame, rate=rate
    )


def send(address: tuple[str, int], *datagrams: bytes) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for datagram in datagrams:
            sender.sendto(datagram, address)
