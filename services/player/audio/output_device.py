"""Protocols of an output device: it takes the player's sound sample by sample, and its sample count is the clock."""

from __future__ import annotations

from typing import Protocol

from services.player.audio.ring_buffer import RingBuffer


class OutputDevice(Protocol):
    """A device that plays a ring buffer and reports when each sample is at the listener's ear.

    All methods but `start` and `close` are called on the player's thread.
    """

    kind: str
    """`device`, `none` or `file`."""
    name: str
    """Name of the device or the file; empty without one."""
    sample_rate: int
    """Hz."""
    message: str
    """Why there is no device, if there is none."""

    def start(self, buffer: RingBuffer) -> None:
        """Start to take samples from `buffer`, from its sample 0 on, without end; silence counts as well."""

    def update(self, now: float) -> int:
        """Process what the device reported since the last call; return how many samples it has taken."""

    @property
    def underrun_count(self) -> int:
        """Times the device ran dry."""

    @property
    def margin(self) -> int:
        """How many samples ahead of those taken the sound can no longer be changed in time."""

    @property
    def lost(self) -> bool:
        """True if the device has stopped taking samples."""

    def time_of(self, sample: int) -> float:
        """Return when a sample is at the ear, in seconds of monotonic time."""

    def sample_at(self, now: float) -> int:
        """Return the last sample that is at the ear at monotonic time `now`."""

    def close(self) -> None:
        """Release the device."""


class ReopenedDevice(OutputDevice, Protocol):
    """An output device that is running already, in silence, and joins the player's sound in the middle of it."""

    def join(self, buffer: RingBuffer, position: float, now: float) -> None:
        """Play `buffer` from now on, such that sample `position` is at the ear at monotonic time `now`."""
