"""Where sound goes and time comes from: what the player asks of a device, and the output that is none."""

from __future__ import annotations

from typing import Protocol

from services.player.audio.ring_buffer import Tape
from services.player.timeline.clock import DeviceClock


class AudioOutput(Protocol):
    """Takes the player's sound sample by sample, and tells when each is at the listener's ear.

    All calls but `start` and `close` come from the player's thread.
    """

    kind: str
    """`device`, `none` or `file`."""
    name: str
    """Name of the device or the file; empty without one."""
    sample_rate: int
    """Hz."""
    message: str
    """Why there is no device, if there is none."""

    def start(self, tape: Tape) -> None:
        """Begin to take samples from `tape`, from its sample 0 on, for ever; silence counts as well."""

    def update(self, now: float) -> int:
        """Take note of what happened since; return how many samples have been taken."""

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
        """Let the device go."""


class JoiningOutput(AudioOutput, Protocol):
    """An output that runs already, in silence, and takes the player's sound in the middle of it."""

    def join(self, tape: Tape, position: float, now: float) -> None:
        """Play `tape` from now on, such that sample `position` is at the ear at monotonic time `now`."""


class NoOutput:
    """A monotonic clock in place of a device: a sample is heard when it is taken, by nobody."""

    kind = "none"
    name = ""
    margin = 0
    lost = False
    underrun_count = 0

    def __init__(self, sample_rate: int, *, origin: float, message: str = "") -> None:
        """Take samples of `sample_rate` Hz, sample 0 at monotonic time `origin`; `message` says why no device does."""
        self.sample_rate = sample_rate
        self.message = message
        self._clock = DeviceClock(sample_rate, origin=origin)

    def start(self, tape: Tape) -> None:
        """Nothing needs to begin."""

    def update(self, now: float) -> int:
        """Return how many samples have been taken: those before the one of `now`."""
        return self.sample_at(now) + 1

    def time_of(self, sample: int) -> float:
        """Return when a sample is due."""
        return self._clock.time_of(sample)

    def sample_at(self, now: float) -> int:
        """Return the sample of `now`."""
        return self._clock.sample_at(now)

    def close(self) -> None:
        """Nothing is held."""
