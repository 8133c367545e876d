"""A simulated sound device in real time: it takes blocks as hardware does, plays them later, and can record them."""

from __future__ import annotations

import math
import time

import numpy as np
import numpy.typing as npt

from services.player.audio.callback_source import CHANGE_SECONDS
from services.player.audio.ring_buffer import RingBuffer

BLOCK_SECONDS = 0.005
RATE = 48_000  # Hz, where the settings name none


class SimulatedDevice:
    """Takes a block every 5 ms; a sample is at the ear `latency` seconds after the beginning of its block was taken."""

    kind = "device"
    name = "simulated"
    message = ""
    lost = False

    def __init__(self, sample_rate: int = RATE, *, latency: float = 0.02, keep: bool = False) -> None:
        """Begin at `start`; `keep` keeps all that is played in `played`."""
        self.sample_rate = sample_rate
        self.latency = latency
        self.underrun_count = 0
        self.played: list[npt.NDArray[np.int16]] = []
        self._keep = keep
        self._block = round(BLOCK_SECONDS * sample_rate)
        self._taken = 0
        self._origin = math.inf
        self._buffer: RingBuffer | None = None

    @property
    def margin(self) -> int:
        """One block that may be on its way, and the time that planning takes."""
        return self._block + round(CHANGE_SECONDS * self.sample_rate)

    def start(self, buffer: RingBuffer) -> None:
        """Begin to take samples."""
        self._buffer, self._origin = buffer, time.monotonic()

    def update(self, now: float) -> int:
        """Take the blocks that are due; between two looks of the player's thread nothing changes what they hold."""
        due = (math.floor((now - self._origin) * self.sample_rate / self._block) + 1) * self._block
        if self._buffer is not None and due > self._taken:
            self.underrun_count += 0 < self._buffer.end < due
            if self._keep:
                self.played.append(self._buffer.read(self._taken, due - self._taken))
            self._taken = due
        return self._taken

    def time_of(self, sample: int) -> float:
        """Return when a sample is at the ear."""
        return self._origin + sample / self.sample_rate + self.latency

    def sample_at(self, now: float) -> int:
        """Return the sample at the ear."""
        return math.floor((now - self._origin - self.latency) * self.sample_rate + 1e-3)

    def close(self) -> None:
        """Nothing is held."""
