"""What pitch and level do to the frames of a stream: they are heard with the sound, and wait for the mouth's frames."""

from __future__ import annotations

import numpy as np

from services.common.types import Floats, Weights
from services.face.lipsync.pitch_level import QUIETEST_DB, Heard, ProsodyStream
from services.face.lipsync.upper_face import UpperFace
from services.face.lipsync.voicing import Voicing

AHEAD = 5
"""Rows that the melody is heard before the frame it moves, at most: as long as its smoothing takes."""


class Melody:
    """Pitch and level that wait for the mouth's frames."""

    def __init__(self, delay: int, *, upper_face: bool, voicing: bool) -> None:
        """Start in silence.

        Args:
            delay: rows between a frame and the row that answers for it; what exceeds `AHEAD` is waited for.
            upper_face: whether brows, lids' tension and head move.
            voicing: whether the mouth opens for voices only.
        """
        late = max(0, delay - AHEAD)
        self._prosody = ProsodyStream()
        self._face = UpperFace() if upper_face else None
        self._voicing = Voicing() if voicing else None
        self._pitch: Floats = np.zeros(late, np.float32)
        self._level: Floats = np.full(late, QUIETEST_DB, np.float32)

    def copy(self) -> Melody:
        """Return a melody that goes on from here on its own."""
        twin = Melody(0, upper_face=False, voicing=False)
        twin._prosody, twin._face = self._prosody.copy(), self._face and self._face.copy()
        twin._voicing = self._voicing and self._voicing.copy()
        twin._pitch, twin._level = self._pitch, self._level
        return twin

    def hear(self, sound: Floats) -> None:
        """Take more 16 kHz sound, shape (n,)."""
        heard = self._prosody.push(sound)
        self._pitch = np.concatenate([self._pitch, heard.pitch])
        self._level = np.concatenate([self._level, heard.level])

    def add(self, frames: Weights) -> None:
        """Change the next frames, shape (n, 61), in place."""
        count = len(frames)
        if self._voicing:
            self._voicing.hold(frames, self._pitch[:count])
        if self._face:
            self._face.add(frames, Heard(self._pitch[:count], self._level[:count]))
        self._pitch, self._level = self._pitch[count:], self._level[count:]
