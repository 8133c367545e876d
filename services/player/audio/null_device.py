"""An output device without sound: the system's monotonic clock counts the samples."""

from __future__ import annotations

from services.player.audio.ring_buffer import RingBuffer
from services.player.timeline.clock import DeviceClock


class NullDevice:
    """Counts a sample as heard at the moment that it is taken."""

    kind = "none"
    name = ""
    margin = 0
    lost = False
    underrun_count = 0

    def __init__(self, sample_rate: int, *, origin: float, message: str = "") -> None:
        """Take samples of `sample_rate` Hz, sample 0 at monotonic time `origin`.

        Args:
            sample_rate: Hz.
            origin: Monotonic time of sample 0.
            message: Why there is no device, for people.
        """
        self.sample_rate = sample_rate
        self.message = message
        self._clock = DeviceClock(sample_rate, origin=origin)

    def start(self, buffer: RingBuffer) -> None:
        """Do nothing: the clock is running."""

    def update(self, now: float) -> int:
        """Return how many samples have been taken: all up to the one of `now`."""
        return self.sample_at(now) + 1

    def time_of(self, sample: int) -> float:
        """Return when a sample is due."""
        return self._clock.time_of(sample)

    def sample_at(self, now: float) -> int:
        """Return the sample of `now`."""
        return self._clock.sample_at(now)

    def close(self) -> None:
        """Do nothing: nothing is held."""
