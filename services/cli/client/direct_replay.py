"""Sends the face of a take straight to Unreal, without a player: Live Link datagrams encoded ahead of time."""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from services.common.addresses import Address, resolve_udp
from services.common.errors import UnavailableError
from services.common.types import FRAME_RATE, Weights
from services.media.curves import CURVE_COUNT, clamp
from services.media.frames import EASE_FRAMES
from services.media.livelink import LiveLinkEncoder, timecode

_TIME = struct.Struct("!if")  # frame since midnight, and the fraction of it
_AFTER_TIME = 8 + 1 + 4 * CURVE_COUNT  # bytes behind the time: the rate, the count and the curves
STOP_CHECK_SECONDS = 0.1  # between two questions whether to stop, at most


class EncodedTake:
    """The datagrams of a take in one block of memory, (frames, bytes of one)."""

    def __init__(self, weights: Weights, subject: str, *, device_id: str) -> None:
        """Encode `weights`, shape (frames, 61), for `subject`, as the device `device_id` (a UUID suits)."""
        rest = np.zeros(CURVE_COUNT, np.float32)
        pattern = LiveLinkEncoder(subject, device_id=device_id).encode(rest, frame=0, sub_frame=0.0)
        table = np.tile(np.frombuffer(pattern, np.uint8), (len(weights), 1))  # (frames, bytes)
        table[:, -4 * CURVE_COUNT :] = clamp(weights).astype(">f4").view(np.uint8)
        self._bytes = memoryview(bytearray(table.tobytes()))
        self._size = len(pattern)
        self._time_at = len(pattern) - _AFTER_TIME - _TIME.size
        self.count = len(weights)
        """Datagrams."""

    def datagram(self, index: int, seconds: float) -> memoryview:
        """Return datagram `index` with the time of day `seconds` put in; nothing else is touched or copied."""
        start = index * self._size
        _TIME.pack_into(self._bytes, start + self._time_at, *timecode(seconds))
        return self._bytes[start : start + self._size]


@dataclass(frozen=True)
class DirectReport:
    """How many frames were sent."""

    sent_count: int
    late_count: int
    """Frames that were due when the next one was too, and were left out."""
    refused_count: int
    """Datagrams that the system refused to send, as where nobody listens on this machine."""
    stopped: bool
    """Whether it ended before the last frame."""


def send_take(
    weights: Weights, target: Address, subject: str, *, device_id: str, stopped: Callable[[], bool]
) -> DirectReport:
    """Send frames at 60 Hz on absolute deadlines; at the end, and once `stopped` returns True, the face eases to rest.

    Args:
        weights: Shape (frames, 61).
        target: Where Unreal listens.
        subject: Live Link name.
        device_id: What Unreal identifies the sender by.
        stopped: Asked before each frame.

    Raises:
        UnavailableError: The target cannot be reached at all.
    """
    encoded = EncodedTake(weights, subject, device_id=device_id)
    with _connected(target) as sender:
        zone = time.localtime().tm_gmtoff + time.time() - time.monotonic()  # of the start: no summer time within a take
        paced = _PacedSender(sender, zone)
        last = encoded.count - 1
        for index in range(encoded.count):
            if stopped():
                last = index - 1
                break
            paced.send(encoded, index, final=index == encoded.count - 1)
        ending = _ease(weights[last] if last >= 0 else np.zeros(CURVE_COUNT, np.float32))
        tail = EncodedTake(ending, subject, device_id=device_id)
        for index in range(tail.count):
            paced.send(tail, index, final=True)
        return DirectReport(paced.sent_count, paced.late_count, paced.refused_count, stopped=last < encoded.count - 1)


class _PacedSender:
    """Sends one frame each sixtieth of a second, counted from the first."""

    def __init__(self, sender: socket.socket, zone: float) -> None:
        self._sender, self._zone = sender, zone
        self._begin = time.monotonic()
        self._tick = 0
        self.sent_count = self.late_count = self.refused_count = 0

    def send(self, encoded: EncodedTake, index: int, *, final: bool) -> None:
        """Send datagram `index` when its time has come; one whose successor is due too is left out, unless `final`."""
        due = self._begin + self._tick / FRAME_RATE
        self._tick += 1
        while (wait := due - time.monotonic()) > 0:
            time.sleep(min(wait, STOP_CHECK_SECONDS))
        if -wait >= 1 / FRAME_RATE and not final:
            self.late_count += 1
            return
        try:
            self._sender.send(encoded.datagram(index, due + self._zone))
        except OSError:  # of the datagram before too: the system reports late that nobody listens there
            self.refused_count += 1
        self.sent_count += 1


def _connected(target: Address) -> socket.socket:
    try:
        endpoint = resolve_udp(target)
        sender = socket.socket(endpoint.family, endpoint.kind, endpoint.protocol)
        try:
            sender.connect(endpoint.sockaddr)
        except OSError:
            sender.close()
            raise
    except OSError as error:
        raise UnavailableError(f"cannot send to {target}: {error.strerror}") from error
    return sender


def _ease(pose: Weights) -> Weights:
    """Return the steps from a pose, shape (61,), to rest, shape (EASE_FRAMES, 61)."""
    return np.linspace(1, 0, EASE_FRAMES + 1, dtype=np.float32)[1:, None] * pose
