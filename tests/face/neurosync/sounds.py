"""Recorded sounds as the features want them."""

from __future__ import annotations

from pathlib import Path

import soundfile

from services.common.types import Floats
from services.face.neurosync.sound_preparation import at_model_rate, normalised


def prepared(path: Path) -> Floats:
    """Return a file's samples at 88 200 Hz, channels averaged, with a peak of 1."""
    sound, rate = soundfile.read(path, dtype="float32", always_2d=True)
    return normalised(at_model_rate(sound.mean(axis=1), rate))
