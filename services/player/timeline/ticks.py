"""Ticks to device samples and back: 60 ticks a second, placed by whole numbers, so that nothing ever drifts."""

from __future__ import annotations

from dataclasses import dataclass

TICK_RATE = 60  # ticks a second of the device: one datagram a subject each


@dataclass(frozen=True)
class Grid:
    """The ticks of a device that plays `sample_rate` samples a second; tick 0 lies on sample 0."""

    sample_rate: int

    def sample(self, tick: int) -> int:
        """Return the sample on which a tick lies: the first at or after `tick / 60` seconds."""
        return -(-tick * self.sample_rate // TICK_RATE)

    def tick(self, sample: int) -> int:
        """Return the last tick that lies at or before a sample."""
        return sample * TICK_RATE // self.sample_rate

    def next_tick(self, sample: int) -> int:
        """Return the first tick that lies at or after a sample."""
        return (sample - 1) * TICK_RATE // self.sample_rate + 1
