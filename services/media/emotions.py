"""The seven emotions: their names, their order in every array, and their range, 0 to 1.

Order: the output columns of the NeuroSync checkpoint, which is also that of the `Emotion` enum of `neurosync.v1`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from services.common.types import Weights

EMOTION_NAMES: Final = ("Angry", "Disgusted", "Fearful", "Happy", "Neutral", "Sad", "Surprised")
EMOTION_COUNT: Final = len(EMOTION_NAMES)

NO_EMOTIONS: Final[Weights] = np.zeros(EMOTION_COUNT, np.float32)
"""Every emotion at strength 0, shape (7,); read-only."""
NO_EMOTIONS.setflags(write=False)


def emotion_columns(names: Sequence[str]) -> npt.NDArray[np.intp] | None:
    """Return the column of each emotion among `names`, shape (7,), in any case; None unless all seven are there."""
    position = {name.lower(): column for column, name in enumerate(names)}
    found = [position.get(name.lower(), -1) for name in EMOTION_NAMES]
    return None if min(found) < 0 else np.array(found, np.intp)
