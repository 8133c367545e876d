"""A recording of a face that repeats without a visible seam: its end is cross-faded into its beginning.

The cross-fade is that of the NeuroSync player, so a loop made for it looks the same here. The next round differs: the
last rows have already faded through the first ones, so it begins after those, and nothing jumps back.
"""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from services.common.errors import BadRequestError, ConfigurationError
from services.common.types import Weights
from services.media.curves import clamp
from services.player.timeline.ticks import TICK_RATE

F = TypeVar("F", bound=np.floating)

SEAM_TICKS = 16  # 267 ms; longer hides more of a jump, and fades more of the recording


def cross_faded(rows: npt.NDArray[F], seam: int = SEAM_TICKS) -> npt.NDArray[F]:
    """Return rows (n, columns) whose last `seam` rows are cross-faded into the first ones."""
    seam = min(seam, len(rows))
    faded = rows.copy()
    share = (np.arange(seam) / max(seam, 1)).astype(rows.dtype)[:, None]  # (seam, 1)
    faded[len(rows) - seam :] = (1 - share) * rows[len(rows) - seam :] + share * rows[:seam]
    return faded


class RecordedLoop:
    """A recording of a face, one row a tick, repeated without end."""

    def __init__(self, rows: Weights) -> None:
        """Repeat `rows`, shape (n, 61) with n at least 1, at 60 Hz."""
        self._seam = min(SEAM_TICKS, len(rows) // 2)
        self.rows = clamp(cross_faded(rows, self._seam))

    def at(self, tick: int) -> Weights:
        """Return the pose of a tick, shape (61,); tick 0 is the first row."""
        first = self._seam if tick >= len(self.rows) else 0
        row: Weights = self.rows[first + (tick - first) % (len(self.rows) - first)]
        return row


def read_loop(path: Path, setting: str) -> RecordedLoop:
    """Read a recording: a Live Link Face CSV, or an NPZ or JSON of face frames.

    Raises:
        ConfigurationError: The file does not exist, or holds no frames; the message names the `setting`.
    """
    # Imported only where a recording is set: the readers of files take memory.
    from services.media.formats.frame_files import read_frames

    try:
        frames = read_frames(path)
    except BadRequestError as error:
        raise ConfigurationError(f"{setting}: {error}") from error
    if not len(frames):
        raise ConfigurationError(f"{setting}: expected a recording with at least one frame, got none in {path}")
    return RecordedLoop(frames.at_rate(TICK_RATE).weights)
