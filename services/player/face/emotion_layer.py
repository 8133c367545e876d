"""The emotion layer of a face: seven strengths that rise and fall, each a pose or a recording added to the face.

While the face speaks, only a part of an emotion reaches the mouth, so that lips still close on a `p`. Poses follow the
action units of the basic emotions (Ekman and Friesen, EMFACS), in ARKit curves; strength 1 is clearly visible, and no
grimace.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from services.common.types import Weights
from services.media.curves import BROWS, CHEEKS, CURVE_COUNT, INDEX, MOUTH
from services.media.emotions import EMOTION_NAMES, NO_EMOTIONS
from services.player.face.life.recorded_loop import RecordedLoop
from services.player.timeline.ticks import TICK_RATE

STRENGTHS: Final = (0.0, 2.0)
RAMP_SECONDS: Final = (0.05, 10.0)
"""Least and longest attack and release."""
SPEAKING_MOUTH = 0.55  # share of an emotion that reaches a speaking mouth; more: lips do not close, less: a mask
MOUTH_TICKS = 18  # in which that share changes


def _both(**sides: float) -> dict[str, float]:
    return {f"{name}{side}": value for name, value in sides.items() for side in ("Left", "Right")}


POSES: Final[Mapping[str, Mapping[str, float]]] = {
    "Angry": _both(BrowDown=0.75, EyeSquint=0.35, NoseSneer=0.3, MouthPress=0.3, MouthFrown=0.25, MouthStretch=0.1)
    | {"MouthShrugLower": 0.15, "JawForward": 0.12, "HeadPitch": 0.04},
    "Disgusted": _both(NoseSneer=0.7, MouthUpperUp=0.3, BrowDown=0.4, CheekSquint=0.3, EyeSquint=0.4, MouthFrown=0.25)
    | {"MouthShrugLower": 0.2, "HeadPitch": -0.02, "HeadYaw": 0.03},
    "Fearful": _both(BrowOuterUp=0.3, BrowDown=0.15, EyeWide=0.6, MouthStretch=0.35, MouthFrown=0.1)
    | {"BrowInnerUp": 0.75, "JawOpen": 0.05, "HeadPitch": -0.03},
    "Happy": _both(MouthSmile=0.6, CheekSquint=0.45, EyeSquint=0.2, MouthDimple=0.15, BrowOuterUp=0.08)
    | {"HeadPitch": -0.02, "HeadRoll": 0.02},
    "Neutral": {},
    "Sad": _both(BrowDown=0.12, EyeSquint=0.15, MouthFrown=0.5, MouthPress=0.1, EyeLookDown=0.08, EyeBlink=0.1)
    | {"BrowInnerUp": 0.7, "MouthShrugLower": 0.25, "HeadPitch": 0.06, "HeadRoll": 0.03},
    "Surprised": _both(BrowOuterUp=0.65, EyeWide=0.6) | {"BrowInnerUp": 0.65, "JawOpen": 0.14, "HeadPitch": -0.03},
}
"""The pose of each emotion at strength 1."""

OVERLAID: Final = np.zeros(CURVE_COUNT, bool)
"""Curves that a recording of an emotion moves, as in the NeuroSync player: squint, corners of the mouth, brows."""
for _name in ("EyeSquint", "MouthSmile", "MouthFrown", "MouthDimple", "MouthStretch", "MouthPress", "MouthUpperUp"):
    OVERLAID[[INDEX[f"{_name}Left"], INDEX[f"{_name}Right"]]] = True
OVERLAID[[INDEX["MouthShrugUpper"], *range(CURVE_COUNT)[BROWS]]] = True
_SPOKEN: Final = np.zeros(CURVE_COUNT, bool)
_SPOKEN[MOUTH] = _SPOKEN[CHEEKS] = True


@dataclass(frozen=True)
class EmotionSettings:
    """How emotions show on a face."""

    enabled: bool = True
    """False: none shows."""
    strength: float = 1.0
    """Multiplies every emotion."""
    attack: float = 0.35
    """Seconds from none to full; shorter startles, longer comes after its words."""
    release: float = 1.2
    """Seconds from full to none; shorter drops a smile with the last word, longer drags it along."""


class EmotionLayer:
    """The emotions of one face. Ticks must not go back; one may be repeated."""

    def __init__(self, recordings: Mapping[str, RecordedLoop] | None = None) -> None:
        """Use `recordings` of emotions, by name, in place of their poses."""
        self._recordings = recordings or {}
        self._poses = np.zeros((len(EMOTION_NAMES), CURVE_COUNT), np.float32)
        for row, name in enumerate(EMOTION_NAMES):
            for curve, value in {} if name in self._recordings else POSES[name].items():
                self._poses[row, INDEX[curve]] = value
        self._from = self._goal = self.now = NO_EMOTIONS
        """Strengths at the last change, strengths wanted, and strengths shown; shape (7,) each."""
        self._since = 0
        self._begun = [0] * len(EMOTION_NAMES)
        self._mouth = 1.0
        self._tick = 0

    def over(
        self, values: Weights, tick: int, wanted: Weights, settings: EmotionSettings, *, speaking: bool
    ) -> Weights:
        """Return values (61,) with the emotions added; they may leave their legal range.

        Args:
            values: The face without emotions.
            tick: Index of the tick.
            wanted: Strength of each emotion, 0 to 1, shape (7,), that what shows moves to.
            settings: How emotions show.
            speaking: Whether the mouth speaks.
        """
        self._approach(tick, wanted if settings.enabled else NO_EMOTIONS, settings)
        step = min(tick - self._tick, MOUTH_TICKS) / MOUTH_TICKS
        self._mouth += min(max((SPEAKING_MOUTH if speaking else 1.0) - self._mouth, -step), step)
        self._tick = tick
        if not self.now.any():
            return values
        pose = np.einsum("e,ec->c", self.now, self._poses)  # (61,)
        for name, loop in self._recordings.items():
            row = EMOTION_NAMES.index(name)
            if self.now[row]:
                pose += self.now[row] * np.where(OVERLAID, np.maximum(loop.at(tick - self._begun[row]), 0), 0)
        pose *= np.float32(settings.strength) * np.where(_SPOKEN, np.float32(self._mouth), np.float32(1))
        return np.asarray(values + pose, np.float32)

    def _approach(self, tick: int, wanted: Weights, settings: EmotionSettings) -> None:
        """Move the strengths shown towards those wanted."""
        if not np.array_equal(wanted, self._goal):
            for row in np.flatnonzero((self.now == 0) & (wanted > 0)):
                self._begun[row] = tick
            self._from, self._goal, self._since = self.now, wanted, tick
        if self.now is self._goal:
            return
        seconds = np.where(self._goal > self._from, settings.attack, settings.release)
        share = np.minimum((tick - self._since + 1) / (seconds * TICK_RATE), 1.0)
        smooth = (share * share * (3 - 2 * share)).astype(np.float32)
        self.now = self._goal if (share == 1).all() else self._from + (self._goal - self._from) * smooth
