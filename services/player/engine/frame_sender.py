"""Faces to datagrams, made ready before they are due, and sent."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Container
from dataclasses import dataclass

from services.media.livelink import LiveLinkEncoder, timecode
from services.player.engine.character import Shown
from services.player.frame_outputs.livelink_udp import Sink


@dataclass(frozen=True)
class Sent:
    """One frame as it was sent."""

    shown: Shown
    timecode_frame: int
    timecode_sub_frame: float


@dataclass(frozen=True)
class Ready:
    """The faces of one tick, encoded; to be sent before the next are made ready, as the buffers are the same."""

    tick: int
    """Of the device."""
    life: int
    """Of the faces."""
    due: float
    """Monotonic time."""
    frames: list[Sent]
    datagrams: list[memoryview]


class Outgoing:
    """Encodes for all subjects, and sends to all targets."""

    def __init__(self, sinks: list[Sink], wall_offset: Callable[[], float]) -> None:
        """Send to `sinks`; `wall_offset` tells the seconds from monotonic time to local time of day."""
        self.sinks = sinks
        self._wall_offset = wall_offset
        self._latest_offset = wall_offset()
        self._device_id = str(uuid.uuid4())
        self._encoders: dict[str, LiveLinkEncoder] = {}

    def make_ready(self, tick: int, life: int, faces: list[Shown], due: float, alive: Container[str]) -> Ready:
        """Return faces of tick `tick`, due at `due`, encoded; the encoders of subjects not `alive` are forgotten."""
        self._latest_offset = max(self._latest_offset, self._wall_offset())
        frame, sub_frame = timecode(due + self._latest_offset)
        datagrams = [
            self._encoder(face.subject, alive).fill(face.values, frame=frame, sub_frame=sub_frame) for face in faces
        ]
        return Ready(tick, life, due, [Sent(face, frame, sub_frame) for face in faces], datagrams)

    def send(self, ready: Ready) -> None:
        """Send to every target."""
        for datagram in ready.datagrams:
            for sink in self.sinks:
                sink.send(datagram)

    def close(self) -> None:
        """Let the sockets go."""
        for sink in self.sinks:
            sink.close()

    def _encoder(self, subject: str, alive: Container[str]) -> LiveLinkEncoder:
        if subject not in self._encoders:
            self._encoders = {name: known for name, known in self._encoders.items() if name in alive}
            self._encoders[subject] = LiveLinkEncoder(subject, device_id=self._device_id)
        return self._encoders[subject]
