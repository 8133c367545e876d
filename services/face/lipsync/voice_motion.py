"""Effect of pitch and level on the frames of a stream: applies the voicing gate and the upper-face rule.

Pitch and level are computed as audio arrives and queued until the network has returned the frames they belong to.
"""

from __future__ import annotations

import numpy as np

from services.common.types import Floats, Weights
from services.face.lipsync.pitch_level import QUIETEST_DB, PitchLevel, PitchLevelStream
from services.face.lipsync.upper_face import UpperFace
from services.face.lipsync.voicing import VoicingGate

AHEAD = 5
"""Rows that pitch and level are ahead of the frame they move, at most: as long as their smoothing delays them."""


class VoiceMotion:
    """Pitch and level of one stream, and what they change in its frames."""

    def __init__(self, delay: int, *, upper_face: bool, voicing: bool) -> None:
        """Start in silence.

        Args:
            delay: rows between a frame and the row that answers for it; pitch and level wait for what exceeds `AHEAD`.
            upper_face: whether brows, eyelid tension and head move.
            voicing: whether the mouth opens for voiced sound only.
        """
        late = max(0, delay - AHEAD)
        self._source = PitchLevelStream()
        self._face = UpperFace() if upper_face else None
        self._gate = VoicingGate() if voicing else None
        self._pitch: Floats = np.zeros(late, np.float32)
        self._level: Floats = np.full(late, QUIETEST_DB, np.float32)

    def copy(self) -> VoiceMotion:
        """Return an independent copy that continues from the same state."""
        twin = VoiceMotion(0, upper_face=False, voicing=False)
        twin._source, twin._face = self._source.copy(), self._face and self._face.copy()
        twin._gate = self._gate and self._gate.copy()
        twin._pitch, twin._level = self._pitch, self._level
        return twin

    def push(self, sound: Floats) -> None:
        """Take more 16 kHz audio, shape (n,)."""
        rows = self._source.push(sound)
        self._pitch = np.concatenate([self._pitch, rows.pitch])
        self._level = np.concatenate([self._level, rows.level])

    def apply(self, frames: Weights) -> None:
        """Change the next frames, shape (n, 61), in place."""
        count = len(frames)
        if self._gate:
            self._gate.apply(frames, self._pitch[:count])
        if self._face:
            self._face.add(frames, PitchLevel(self._pitch[:count], self._level[:count]))
        self._pitch, self._level = self._pitch[count:], self._level[count:]
