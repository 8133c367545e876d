"""The mix of all voices on one output, with a soft limiter."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from services.common.types import Pcm
from services.player.turns.played_turn import PlayedTurn

LOUDEST = 32_767.0
KNEE = 0.8 * LOUDEST  # voices together are limited from here on; higher bends less and harder, lower more and softer


def mixed(turns: Iterable[PlayedTurn], first: int, last: int) -> Pcm:
    """Return device samples `first` to `last` of all turns together."""
    mix = np.zeros(last - first, np.float32)
    voices = {turn.config.character for turn in turns if turn.track.mix_into(mix, first)}
    if len(voices) > 1:  # turns of one character never overlap
        mix = limited(mix)
    return np.clip(mix, -32768, 32767).astype(np.int16)


def limited(mix: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return the sum of several voices, in units of int16, limited softly where it is too loud.

    Up to `KNEE` it is unchanged; beyond, it nears full scale along a hyperbolic tangent, which continues the slope.
    The limiter has no state: what is rendered again comes out the same.
    """
    loud = np.abs(mix)
    if loud.max(initial=0.0) <= KNEE:
        return mix
    room = np.float32(LOUDEST - KNEE)
    bent = np.copysign(KNEE + room * np.tanh((loud - np.float32(KNEE)) / room), mix)
    return np.where(loud > KNEE, bent, mix).astype(np.float32)
