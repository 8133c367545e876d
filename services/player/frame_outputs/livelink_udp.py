"""The frame output for Unreal: Live Link Face datagrams over UDP."""

from __future__ import annotations

from collections.abc import Sequence

from services.common.addresses import LIVE_LINK_PORT
from services.media.livelink import LiveLinkEncoder
from services.player.frame_outputs.frame_output import OutputFrame
from services.player.frame_outputs.udp_target import UdpTarget


class LiveLinkUdp:
    """One receiver of Live Link: one datagram for each character on each tick."""

    def __init__(self, target: str, *, device_id: str) -> None:
        """Open a socket.

        Args:
            target: `HOST` or `HOST:PORT`; port 11111 where there is none.
            device_id: Names the sender in every datagram; a UUID.

        Raises:
            ConfigurationError: The target has another form, or its name has no address.
        """
        self._target = UdpTarget(target, default_port=LIVE_LINK_PORT)
        self._device_id = device_id
        self._encoders: dict[str, LiveLinkEncoder] = {}
        self._datagrams: list[memoryview] = []

    @property
    def address(self) -> str:
        """The target, for people."""
        return self._target.address

    @property
    def sent_count(self) -> int:
        """Datagrams that were sent."""
        return self._target.sent_count

    @property
    def failed_count(self) -> int:
        """Times that sending failed."""
        return self._target.failed_count

    def prepare(self, frames: Sequence[OutputFrame]) -> None:
        """Encode one datagram for each character."""
        self._datagrams = [
            self._encoder(frame.character, frames).fill(
                frame.values, frame=frame.timecode_frame, sub_frame=frame.timecode_sub_frame
            )
            for frame in frames
        ]

    def send(self) -> None:
        """Send the datagrams that were prepared last."""
        for datagram in self._datagrams:
            self._target.send(datagram)

    def close(self) -> None:
        """Release the socket."""
        self._target.close()

    def _encoder(self, character: str, frames: Sequence[OutputFrame]) -> LiveLinkEncoder:
        """Return the encoder of a character; a new one replaces those of characters that have no frame any more."""
        if character not in self._encoders:
            alive = {frame.character for frame in frames}
            self._encoders = {name: encoder for name, encoder in self._encoders.items() if name in alive}
            self._encoders[character] = LiveLinkEncoder(character, device_id=self._device_id)
        return self._encoders[character]
