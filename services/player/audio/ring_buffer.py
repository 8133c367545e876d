"""A ring buffer of sound by absolute sample position: written ahead, read later, the oldest overwritten."""

from __future__ import annotations

import numpy as np

from services.common.types import Pcm


class RingBuffer:
    """The newest `capacity` samples of one time line.

    One thread writes. Another may read at the same time, as long as the two keep apart: the player writes ahead of what
    the device has taken.
    """

    def __init__(self, capacity: int) -> None:
        """Hold `capacity` samples; what is older reads as silence."""
        self._capacity = capacity
        self._samples = np.zeros(0, np.int16)  # allocated at the first write: a turn that is refused needs none
        self.end = 0
        """One past the newest sample."""

    def write(self, at: int, pcm: Pcm) -> None:
        """Put `pcm` at position `at`, over what was there; it becomes the newest, and must fit the capacity."""
        capacity = self._capacity
        if not len(self._samples):
            self._samples = np.zeros(capacity, np.int16)
        if len(pcm) > capacity:
            raise ValueError(f"expected at most {capacity} samples, got {len(pcm)}")
        start = at % capacity
        head = min(len(pcm), capacity - start)
        self._samples[start : start + head] = pcm[:head]
        self._samples[: len(pcm) - head] = pcm[head:]
        self.end = at + len(pcm)

    def read(self, at: int, count: int) -> Pcm:
        """Return `count` samples from position `at`; silence where nothing is held."""
        pcm = np.zeros(count, np.int16)
        capacity = self._capacity
        first = max(at, self.end - capacity, 0)
        last = min(at + count, self.end)
        if first < last:
            start = first % capacity
            head = min(last - first, capacity - start)
            pcm[first - at : first - at + head] = self._samples[start : start + head]
            pcm[first - at + head : last - at] = self._samples[: last - first - head]
        return pcm
