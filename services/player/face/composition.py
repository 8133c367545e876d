"""One face on every tick: life, speech over it, emotions over both, and how strong all of it is sent.

Nothing pops. What speech brings blends in and out (`blend`), emotions rise and fall (`emotion`), and when the face is
configured anew, the step between what it showed and what it is to show becomes an offset that fades away.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from services.common.types import Weights
from services.media.curves import CURVE_COUNT, INDEX, clamp
from services.media.emotions import NO_EMOTIONS
from services.player.face.blend import Blend
from services.player.face.emotion_layer import Emotions, Temper
from services.player.face.life.idle import Habits, Idle
from services.player.face.life.recorded_loop import Loop
from services.player.face.scaling import Scaling
from services.player.turns.played_turn import Speech

EASE_TICKS = 12  # 200 ms, in which a new configuration takes hold
YIELD_TICKS = 18.0  # in which the voice's own nods and brows give way to those that speech brings
UPPER = [INDEX[name] for name in ("BrowInnerUp", "HeadYaw", "HeadPitch", "HeadRoll")]


@dataclass(frozen=True)
class Character:
    """What can be set for a face while it lives."""

    scaling: Scaling = field(default_factory=Scaling)
    habits: Habits = field(default_factory=Habits)
    temper: Temper = field(default_factory=Temper)


@dataclass(frozen=True)
class Recordings:
    """Recordings that take the place of what is computed."""

    idle: Loop | None = None
    """Of a face that does nothing in particular."""
    emotions: Mapping[str, Loop] = field(default_factory=dict)
    """Of emotions, by name."""


class Face:
    """The face of one character. Ticks must not go back; one that is asked for again looks the same."""

    def __init__(self, seed: int, character: Character, recordings: Recordings) -> None:
        """Live by `seed` as `character` says."""
        self.character = character
        self._idle = Idle(seed, recordings.idle)
        self._blend = Blend()
        self._emotions = Emotions(recordings.emotions)
        self._before: Weights | None = None  # the pose of the tick before
        self._shown: Weights | None = None
        self._offset = np.zeros(CURVE_COUNT, np.float32)
        self._since: int | None = None  # None: the configuration has just changed
        self._eases = False
        self._tick = -1
        self._accents = 1.0  # share of the voice's own nods and brows

    @property
    def feelings(self) -> Weights:
        """The strength of each emotion that shows now, shape (7,)."""
        return self._emotions.now

    def configure(self, character: Character) -> None:
        """Be as `character` says from the next tick on."""
        self.character, self._since, self._eases = character, None, True

    def step(
        self, tick: int, speech: Speech | None = None, *, level: float = 0.0, felt: Weights = NO_EMOTIONS
    ) -> Weights:
        """Return the pose of one tick, shape (61,), every curve within its legal range.

        Args:
            tick: Index of the tick; ticks may be skipped, and one may come again: its last pose counts.
            speech: What speech wants; None: rest.
            level: How loud the own voice is: RMS, 0 to 1 of full scale.
            felt: Strength of each emotion, 0 to 1, shape (7,).
        """
        character = self.character
        has_own = speech is not None and bool(speech.pose[UPPER].any())
        if tick != self._tick:
            self._accents += (float(not has_own) - self._accents) / YIELD_TICKS
            self._before, self._tick = self._shown, tick
        life = self._idle.pose(tick, level, character.habits, accents=self._accents)
        if speech is None:
            values = self._blend.step(tick, life, None, None, None)
        else:
            values = self._blend.step(tick, life, speech.pose, speech.brought, speech.source)
        values = self._emotions.over(values, tick, felt, character.temper, speaking=speech is not None)
        values = self._eased(tick, character.scaling.apply(clamp(values)))
        self._shown = values
        return values

    def _eased(self, tick: int, target: Weights) -> Weights:
        """Lead over to what a new configuration wants."""
        if not self._eases or self._before is None:
            return target
        if self._since is None:
            self._since, self._offset = tick, self._before - target
        left = 1 - (tick - self._since + 1) / EASE_TICKS
        self._eases = left > 0
        return clamp(target + self._offset * np.float32(left)) if self._eases else target
