"""Streaming conversion of the sample rate, without clicks between chunks."""

from __future__ import annotations

import numpy as np
import soxr

from services.common.types import Pcm


class Resampler:
    """Converts one stream from one rate to another. Its filter keeps state, so every stream needs its own."""

    def __init__(self, rate_in: int, rate_out: int, *, quality: str = "HQ") -> None:
        """Convert from `rate_in` to `rate_out` Hz; lower qualities (`MQ`, `LQ`) delay it less."""
        self._stream = None
        if rate_in != rate_out:
            self._stream = soxr.ResampleStream(rate_in, rate_out, 1, dtype="int16", quality=quality)

    def push(self, pcm: Pcm) -> Pcm:
        """Return the converted samples that are complete after `pcm`; may be empty, as the filter looks ahead."""
        return pcm if self._stream is None else np.asarray(self._stream.resample_chunk(pcm), np.int16)

    def end(self) -> Pcm:
        """Return the remaining samples; `push` must not be called afterwards."""
        rest = np.zeros(0, np.int16)
        return rest if self._stream is None else np.asarray(self._stream.resample_chunk(rest, last=True), np.int16)
