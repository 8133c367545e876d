"""The protocol of a frame output: it sends the face frames of every tick to one target."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from services.common.types import Weights


@dataclass(frozen=True)
class OutputFrame:
    """The face of one character on one tick."""

    character: str
    values: Weights
    """The 61 curves, shape (61,), in the order of `services.media.curves`."""
    timecode_frame: int
    """Frames since local midnight."""
    timecode_sub_frame: float
    """Fraction of a frame, 0 up to 1."""


class FrameOutput(Protocol):
    """One target of one protocol. All methods are called on the player's thread, and never wait or raise."""

    @property
    def address(self) -> str:
        """The target, for people."""

    @property
    def sent_count(self) -> int:
        """Frames that were sent."""

    @property
    def failed_count(self) -> int:
        """Times that sending failed."""

    def prepare(self, frames: Sequence[OutputFrame]) -> None:
        """Encode the frames of all characters on one tick, so that only sending is left when the tick is due."""

    def send(self) -> None:
        """Send the frames that were prepared last."""

    def close(self) -> None:
        """Release the socket."""
