"""Sample rate conversion for a device that refuses the player's rate, by absolute sample position.

Each device sample is a weighted sum of the `2 * HALF` source samples around its position, so there is no state, nothing
drifts, and the delay is `HALF` samples. The weights are a Kaiser-windowed sinc, one row for each phase at which a
device sample can lie between two source samples.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from services.common.types import Pcm
from services.player.audio.ring_buffer import RingBuffer

HALF = 24  # source samples on either side; more: a steeper filter and more work, fewer: dull or aliased sound
KAISER_BETA = 9.0  # about 90 dB between what passes and what does not
PASSED = 0.92  # of the lower of the two Nyquist frequencies
MAX_PHASES = 1024  # of the table; rates that need more are off by at most half a phase, -70 dB


class RateConverter:
    """Converts from the rate of a ring buffer to that of a device."""

    def __init__(self, source_rate: int, device_rate: int) -> None:
        """Prepare the weights for rates in Hz."""
        divisor = math.gcd(source_rate, device_rate)
        self._step, self._ratio = source_rate // divisor, device_rate // divisor
        self._phases = min(self._ratio, MAX_PHASES)
        cutoff = PASSED * min(1.0, device_rate / source_rate)
        self._half = math.ceil(HALF / min(1.0, device_rate / source_rate))
        taps = np.arange(-self._half + 1, self._half + 1)
        positions = np.arange(self._phases)[:, np.newaxis] / self._phases - taps  # (phases, taps)
        inside = np.clip(1 - (positions / self._half) ** 2, 0, None)
        weights = cutoff * np.sinc(cutoff * positions) * np.i0(KAISER_BETA * np.sqrt(inside)) / np.i0(KAISER_BETA)
        self._weights = (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)

    def end(self, sample: int) -> int:
        """Return the first source sample that device samples before `sample` do not need."""
        return (sample * self._step) // self._ratio + self._half + 1

    def position(self, sample: float) -> float:
        """Return the source position of a device sample, counted from the source sample of device sample 0."""
        return sample * self._step / self._ratio

    def sample(self, position: float) -> float:
        """Return the device sample at a source position."""
        return position * self._ratio / self._step

    def read(self, buffer: RingBuffer, base: int, sample: int, count: int) -> npt.NDArray[np.float32]:
        """Return `count` device samples from `sample` on, where device sample 0 lies at sample `base` of `buffer`."""
        positions = np.arange(sample, sample + count, dtype=np.int64) * self._step
        whole, part = np.divmod(positions, self._ratio)
        first = int(whole[0]) - self._half + 1
        pcm: Pcm = buffer.read(base + first, int(whole[-1]) + self._half + 1 - first)
        around = np.lib.stride_tricks.sliding_window_view(pcm, 2 * self._half)[whole - whole[0]]  # (count, taps)
        rows = self._weights[part * self._phases // self._ratio]  # (count, taps)
        return np.asarray(np.einsum("nt,nt->n", around.astype(np.float32), rows))
