"""A whole sound in memory, mono, and the largest sound file that is read or written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from services.common.types import Pcm

MAX_SOUND_BYTES: Final = 1 << 29
"""Of a file, and of its samples as PCM16: 512 MB, an hour and a half at 48 kHz. Larger: one file may fill the memory;
smaller: long recordings are refused."""


@dataclass(frozen=True)
class Sound:
    """A whole sound in memory."""

    pcm: Pcm
    """Samples, shape (n,)."""
    sample_rate: int
    """Hertz."""

    @property
    def seconds(self) -> float:
        """Duration."""
        return len(self.pcm) / self.sample_rate
