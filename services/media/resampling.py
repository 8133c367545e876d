"""Convert the rate of a sound stream, chunk by chunk, without clicks at the joints."""

from __future__ import annotations

import numpy as np
import soxr

from services.common.types import Pcm


class Resampler:
    """One stream at one pair of rates. The filter remembers the sound before, so a new stream needs a new resampler."""

    def __init__(self, rate_in: int, rate_out: int, *, quality: str = "HQ") -> None:
        """Convert from `rate_in` to `rate_out` Hz; lower qualities (`MQ`, `LQ`) hold back fewer samples."""
        self._stream = None
        if rate_in != rate_out:
            self._stream = soxr.ResampleStream(rate_in, rate_out, 1, dtype="int16", quality=quality)

    def push(self, pcm: Pcm) -> Pcm:
        """Return what is certain after `pcm`; may be empty, as the filter waits for what follows."""
        return pcm if self._stream is None else np.asarray(self._stream.resample_chunk(pcm), np.int16)

    def end(self) -> Pcm:
        """Return the rest; nothing may be pushed afterwards."""
        rest = np.zeros(0, np.int16)
        return rest if self._stream is None else np.asarray(self._stream.resample_chunk(rest, last=True), np.int16)
