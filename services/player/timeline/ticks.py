"""The ticks of a device: 60 a second, each on a sample, computed in whole numbers so that nothing drifts."""

from __future__ import annotations

from dataclasses import dataclass

from services.common.types import FRAME_RATE

TICK_RATE = FRAME_RATE
"""Ticks a second of the device: one frame of each character is sent on each."""


@dataclass(frozen=True)
class Ticks:
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
