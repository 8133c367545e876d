"""The face of a character on every tick: idle life, speech over it, emotions over both, and scaling of the result.

No curve jumps. Speech blends in and out (`blend`), emotions rise and fall (`emotion_layer`), and when a face gets a new
configuration, the step between the last pose and the next becomes an offset that fades away.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from services.common.types import Weights
from services.media.curves import CURVE_COUNT, INDEX, clamp
from services.media.emotions import NO_EMOTIONS
from services.player.face.blend import Blend
from services.player.face.emotion_layer import EmotionLayer, EmotionSettings
from services.player.face.life.idle import Idle, LifeSettings
from services.player.face.life.recorded_loop import RecordedLoop
from services.player.face.scaling import Scaling
from services.player.face.speech_pose import SpeechPose

EASE_TICKS = 12  # 200 ms, in which a new configuration takes effect
YIELD_TICKS = 18.0  # in which the voice's own nods and brows give way to those that speech brings
UPPER = [INDEX[name] for name in ("BrowInnerUp", "HeadYaw", "HeadPitch", "HeadRoll")]


@dataclass(frozen=True)
class FaceConfiguration:
    """What can be set for a face while the player runs."""

    scaling: Scaling = field(default_factory=Scaling)
    life: LifeSettings = field(default_factory=LifeSettings)
    emotion: EmotionSettings = field(default_factory=EmotionSettings)


@dataclass(frozen=True)
class Recordings:
    """Recordings that replace what is computed."""

    idle: RecordedLoop | None = None
    """Of a face that does nothing in particular."""
    emotions: Mapping[str, RecordedLoop] = field(default_factory=dict)
    """Of emotions, by name."""


class Face:
    """The face of one character. Ticks must not go back; a tick that is repeated gives the same pose."""

    def __init__(self, seed: int, configuration: FaceConfiguration, recordings: Recordings) -> None:
        """Make a face.

        Args:
            seed: Of the idle life; the same seed gives the same life.
            configuration: What is set at first.
            recordings: Replace what the face would do of itself.
        """
        self.configuration = configuration
        self._idle = Idle(seed, recordings.idle)
        self._blend = Blend()
        self._emotions = EmotionLayer(recordings.emotions)
        self._before: Weights | None = None  # the pose of the tick before
        self._shown: Weights | None = None
        self._offset = np.zeros(CURVE_COUNT, np.float32)
        self._since: int | None = None  # None: the configuration has just changed
        self._eases = False
        self._tick = -1
        self._accents = 1.0  # share of the voice's own nods and brows

    @property
    def emotions(self) -> Weights:
        """The strength of each emotion that shows now, shape (7,)."""
        return self._emotions.now

    def configure(self, configuration: FaceConfiguration) -> None:
        """Follow `configuration` from the next tick on."""
        self.configuration, self._since, self._eases = configuration, None, True

    def step(
        self, tick: int, speech: SpeechPose | None = None, *, level: float = 0.0, emotions: Weights = NO_EMOTIONS
    ) -> Weights:
        """Return the pose of one tick, shape (61,), every curve within its legal range.

        Args:
            tick: Index of the tick; ticks may be skipped, and one may be repeated: its last pose counts.
            speech: What speech wants; None: rest.
            level: How loud the character's own voice is: RMS, 0 to 1 of full scale.
            emotions: Strength of each emotion, 0 to 1, shape (7,).
        """
        configuration = self.configuration
        has_own = speech is not None and bool(speech.pose[UPPER].any())
        if tick != self._tick:
            self._accents += (float(not has_own) - self._accents) / YIELD_TICKS
            self._before, self._tick = self._shown, tick
        life = self._idle.pose(tick, level, configuration.life, accents=self._accents)
        if speech is None:
            values = self._blend.step(tick, life, None, None, None)
        else:
            values = self._blend.step(tick, life, speech.pose, speech.brought, speech.source)
        values = self._emotions.over(values, tick, emotions, configuration.emotion, speaking=speech is not None)
        values = self._eased(tick, configuration.scaling.apply(clamp(values)))
        self._shown = values
        return values

    def _eased(self, tick: int, target: Weights) -> Weights:
        """Return the pose on the way from the last one to what a new configuration wants."""
        if not self._eases or self._before is None:
            return target
        if self._since is None:
            self._since, self._offset = tick, self._before - target
        left = 1 - (tick - self._since + 1) / EASE_TICKS
        self._eases = left > 0
        return clamp(target + self._offset * np.float32(left)) if self._eases else target
