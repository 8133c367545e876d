"""Streaming windowed-sinc resampler with a delay of a millisecond or two, for audio on its way to a face model.

soxr's streaming resampler was measured first: it holds 20 to 120 ms back, more than the shipped model's whole
look-ahead, and cannot be copied for a flush. Here each output sample depends only on the inputs around it, so chunks
of any size give the same samples. They are computed in blocks whose pattern of filters repeats: one product of
matrices instead of many sums.
"""

from __future__ import annotations

from functools import lru_cache
from math import ceil, gcd

import numpy as np

from services.common.types import Floats
from services.face.matrix_product import product

CROSSINGS = 16
"""Zero crossings of the sinc on either side. More: a steeper edge, and a longer wait; 16 are 1 ms at 16 kHz and up."""
MAX_PHASES = 640
"""Fractions of a sample with a filter of their own, enough to be exact for all usual rates; others take the nearest."""
PASS = 0.95
"""Cut-off as a share of the lower Nyquist frequency."""
BLOCK = 96
"""Least outputs in a block. More: fewer, wider products with more zeros in them."""
MAX_PERIOD = 640
"""Outputs within which the pattern of filters must repeat for blocks to be worth it."""
KAISER_BETA = 8.0
"""Shape of the Kaiser window: about 80 dB of attenuation beyond the edge."""


def reach(rate: int, to: int) -> int:
    """Return how many input samples, at `rate` hertz, an output sample, at `to` hertz, needs beyond its own time."""
    return ceil(CROSSINGS * max(1.0, rate / to))


@lru_cache(maxsize=16)
def _filters(rate: int, to: int) -> Floats:
    """Return one filter a phase, shape (phases, 2 * reach); phase p is for a time p / phases after a sample."""
    phases = min(MAX_PHASES, to // gcd(rate, to))
    half = reach(rate, to)
    cut = PASS * min(1.0, to / rate)
    offsets = np.arange(1 - half, half + 1) - np.arange(phases)[:, None] / phases  # (phases, 2 half)
    window = np.i0(KAISER_BETA * np.sqrt(np.maximum(0.0, 1 - (offsets / half) ** 2))) / np.i0(KAISER_BETA)
    filters = np.sinc(cut * offsets) * window
    normalised: Floats = (filters / filters.sum(axis=1, keepdims=True)).astype(np.float32)
    return normalised


@lru_cache(maxsize=16)
def _block(rate: int, to: int) -> Floats | None:
    """Return the matrix that maps the inputs of a block to its outputs, shape (inputs, outputs).

    The inputs reach from `reach - 1` before the block's first output to `reach` after its last. None where the pattern
    repeats too late.
    """
    common = gcd(rate, to)
    period = to // common
    if period > MAX_PERIOD:
        return None
    width = -(-BLOCK // period) * period
    half, filters = reach(rate, to), _filters(rate, to)
    matrix = np.zeros(((width - 1) * rate // to + 2 * half, width), np.float32)
    for output in range(width):
        base, part = divmod(output * rate, to)
        matrix[base : base + 2 * half, output] = filters[part * period // to]
    return matrix


class SincResampler:
    """Converts one audio stream from one sample rate to another."""

    def __init__(self, rate: int, to: int) -> None:
        """Start a stream from `rate` to `to` hertz."""
        self._rate, self._to = rate, to
        self._kept: Floats = np.zeros(reach(rate, to), np.float32)  # silence came before the first sample
        self._kept_from = -len(self._kept)
        self._next = 0  # index of the next output sample

    def copy(self) -> SincResampler:
        """Return a resampler that goes on from here on its own."""
        twin = SincResampler(self._rate, self._to)
        twin._kept, twin._kept_from, twin._next = self._kept, self._kept_from, self._next
        return twin

    def push(self, sound: Floats) -> Floats:
        """Take samples, shape (n,), and return the output samples they complete."""
        if self._rate == self._to:
            return sound
        kept = np.concatenate([self._kept, sound])
        available = self._kept_from + len(kept)
        half = reach(self._rate, self._to)
        # output i lies at input i * rate / to and needs `half` inputs beyond; one more if its phase is rounded up
        ready = max(self._next, -(-(available - half - 1) * self._to // self._rate))
        block = _block(self._rate, self._to)
        if ready == self._next:
            out = np.empty(0, np.float32)
        elif block is None:
            out = self._one_by_one(kept, self._next, ready)
        else:
            out = self._in_blocks(kept, block, self._next, ready)
        self._next = ready
        drop = max(0, self._aligned(self._next) * self._rate // self._to - half - self._kept_from)
        self._kept, self._kept_from = kept[drop:].copy(), self._kept_from + drop
        return out

    def _aligned(self, output: int) -> int:
        """Return the last output, up to this one, at which the pattern of filters begins."""
        period = self._to // gcd(self._rate, self._to)
        return output // period * period

    def _in_blocks(self, kept: Floats, block: Floats, first: int, stop: int) -> Floats:
        """Return the outputs `first` to `stop`; those of the last block beyond `stop` see padding, and are dropped."""
        inputs, width = block.shape
        begin = self._aligned(first)
        starts = np.arange(begin, stop, width) * self._rate // self._to
        starts -= reach(self._rate, self._to) - 1 + self._kept_from
        padded = np.concatenate([kept, np.zeros(inputs, np.float32)])
        windows = padded[starts[:, None] + np.arange(inputs)]  # (blocks, inputs)
        return product(windows, block).reshape(-1)[first - begin : stop - begin]

    def _one_by_one(self, kept: Floats, first: int, stop: int) -> Floats:
        """Return the outputs `first` to `stop`, each from its own inputs."""
        half, filters = reach(self._rate, self._to), _filters(self._rate, self._to)
        base, part = np.divmod(np.arange(first, stop, dtype=np.int64) * self._rate, self._to)
        phase = (part * len(filters) + self._to // 2) // self._to
        starts = base + phase // len(filters) - half + 1 - self._kept_from
        windows = kept[starts[:, None] + np.arange(2 * half)]  # (stop - first, 2 half)
        summed: Floats = np.einsum("ij,ij->i", windows, filters[phase % len(filters)])
        return summed
