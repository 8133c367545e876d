"""Another rate for a device that refuses the player's: samples by absolute position in, samples by position out.

Each output sample is a weighted sum of the `2 * HALF` tape samples around its place, so there is no state, nothing
drifts, and the delay is `HALF` samples. The weights are a sinc in a Kaiser window, one row for each phase at which an
output sample can lie between two tape samples.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from services.common.types import Pcm
from services.player.audio.ring_buffer import Tape

HALF = 24  # tape samples on either side; more: a steeper filter and more work, fewer: dull or aliased sound
KAISER_BETA = 9.0  # about 90 dB between what passes and what does not
PASSED = 0.92  # of the lower of the two Nyquist frequencies
MAX_PHASES = 1024  # of the table; rates that need more are off by at most half a phase, -70 dB


class Conversion:
    """From a tape's rate to a device's."""

    def __init__(self, tape_rate: int, device_rate: int) -> None:
        """Prepare the weights for rates in Hz."""
        divisor = math.gcd(tape_rate, device_rate)
        self._step, self._ratio = tape_rate // divisor, device_rate // divisor
        self._phases = min(self._ratio, MAX_PHASES)
        cutoff = PASSED * min(1.0, device_rate / tape_rate)
        self._half = math.ceil(HALF / min(1.0, device_rate / tape_rate))
        taps = np.arange(-self._half + 1, self._half + 1)
        places = np.arange(self._phases)[:, np.newaxis] / self._phases - taps  # (phases, taps)
        inside = np.clip(1 - (places / self._half) ** 2, 0, None)
        weights = cutoff * np.sinc(cutoff * places) * np.i0(KAISER_BETA * np.sqrt(inside)) / np.i0(KAISER_BETA)
        self._weights = (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)

    def end(self, sample: int) -> int:
        """Return the first tape sample that device samples before `sample` do not need."""
        return (sample * self._step) // self._ratio + self._half + 1

    def position(self, sample: float) -> float:
        """Return the place on the tape of a device sample, counted from the tape sample of device sample 0."""
        return sample * self._step / self._ratio

    def sample(self, position: float) -> float:
        """Return the device sample at a place on the tape."""
        return position * self._ratio / self._step

    def read(self, tape: Tape, base: int, sample: int, count: int) -> npt.NDArray[np.float32]:
        """Return device samples `sample` to `sample + count`, where device sample 0 lies at `base` of the tape."""
        places = np.arange(sample, sample + count, dtype=np.int64) * self._step
        whole, part = np.divmod(places, self._ratio)
        first = int(whole[0]) - self._half + 1
        pcm: Pcm = tape.read(base + first, int(whole[-1]) + self._half + 1 - first)
        around = np.lib.stride_tricks.sliding_window_view(pcm, 2 * self._half)[whole - whole[0]]  # (count, taps)
        rows = self._weights[part * self._phases // self._ratio]  # (count, taps)
        return np.asarray(np.einsum("nt,nt->n", around.astype(np.float32), rows))
