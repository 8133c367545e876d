"""Slow motion of head, brows, lids, cheeks and mouth, and breathing: sums of sines that share no period."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from services.media.curves import CURVE_COUNT, INDEX, ROTATIONS
from services.player.timeline.ticks import TICK_RATE

Pose = npt.NDArray[np.float64]

WAVES = 3  # sines a noise source: their frequencies share no period, so the sum does not repeat
BREATHS_PER_SECOND = 14 / 60
BREATH_WANDER = 1.2  # radians of phase by which breaths come early or late; 0 is mechanical
INHALING = 0.42  # share of a breath
SPEAKING_SWAY = 0.8  # how much more the head moves in the middle of speech; 0: no more than in silence


@dataclass(frozen=True)
class Motion:
    """A slow motion that several curves share."""

    curves: tuple[str, ...]
    rest: float
    """Value about which the curves move."""
    together: float
    """Largest excursion of all at once; with `alone` at most `rest`, unless the curve is a rotation."""
    alone: float
    """Largest excursion of each by itself."""
    lowest: float
    highest: float
    """Band of the motion in Hz."""

    @property
    def source_count(self) -> int:
        """How many noise sources move the curves."""
        return 1 + (len(self.curves) if self.alone else 0)


def _pair(name: str) -> tuple[str, str]:
    return f"{name}Left", f"{name}Right"


MOTIONS = (
    Motion(("HeadYaw",), 0, 0.06, 0, 0.03, 0.25),
    Motion(("HeadPitch",), 0, 0.035, 0, 0.03, 0.25),
    Motion(("HeadRoll",), 0, 0.03, 0, 0.02, 0.2),
    Motion(_pair("BrowDown"), 0.03, 0.02, 0.006, 0.05, 0.3),
    Motion(("BrowInnerUp",), 0.05, 0.04, 0, 0.05, 0.3),
    Motion(("BrowOuterUpLeft", "BrowOuterUpRight"), 0.04, 0.025, 0.01, 0.05, 0.3),
    Motion(_pair("EyeSquint"), 0.05, 0.03, 0.008, 0.05, 0.3),
    Motion(_pair("EyeWide"), 0.03, 0.02, 0.005, 0.05, 0.4),
    Motion(_pair("CheekSquint"), 0.03, 0.015, 0.008, 0.05, 0.3),
    Motion(_pair("MouthSmile"), 0.04, 0.025, 0.01, 0.03, 0.2),
    Motion(_pair("MouthDimple"), 0.02, 0.01, 0.006, 0.05, 0.3),
    Motion(_pair("MouthFrown"), 0.015, 0.01, 0.004, 0.05, 0.3),
    Motion(_pair("MouthStretch"), 0.015, 0.01, 0.004, 0.05, 0.3),
    Motion(_pair("MouthPress"), 0.03, 0.02, 0.008, 0.05, 0.4),
    Motion(("MouthShrugLower", "MouthShrugUpper"), 0.025, 0.015, 0.006, 0.05, 0.3),
    Motion(("MouthRollLower", "MouthRollUpper"), 0.02, 0.012, 0.006, 0.05, 0.4),
    Motion(("MouthLeft",), 0.012, 0.012, 0, 0.05, 0.2),
    Motion(("MouthRight",), 0.012, 0.012, 0, 0.05, 0.2),
    Motion(("JawOpen",), 0.012, 0.008, 0, 0.05, 0.3),
    Motion(("JawForward",), 0.015, 0.01, 0, 0.05, 0.2),
    Motion(("JawLeft",), 0.006, 0.006, 0, 0.05, 0.2),
    Motion(("JawRight",), 0.006, 0.006, 0, 0.05, 0.2),
)
BREATH = {"NoseSneerLeft": 0.02, "NoseSneerRight": 0.02, "JawOpen": 0.006, "BrowInnerUp": 0.006, "HeadPitch": -0.006}
"""How far a full breath moves each curve; the head rises a little."""


class SlowMotion:
    """The slow motion of one face, a function of the tick alone."""

    def __init__(self, random: np.random.Generator) -> None:
        """Draw the sines of every noise source."""
        self._rest = np.zeros(CURVE_COUNT)
        mixing = _mixing(self._rest)  # (61, sources)
        sources = mixing.shape[1]
        mixing = np.repeat(mixing / WAVES, WAVES, axis=1)  # (61, sources * WAVES)
        self._head = mixing[ROTATIONS]  # (9, sources * WAVES)
        self._face = mixing[: ROTATIONS.start]  # (52, sources * WAVES)
        bands = np.array([(m.lowest, m.highest) for m in MOTIONS for _ in range(m.source_count)])  # (sources, 2)
        self._omega = 2 * np.pi * random.uniform(bands[:, :1], bands[:, 1:], (sources, WAVES)).ravel()
        self._phase = random.uniform(0, 2 * np.pi, sources * WAVES)
        self._breath = np.zeros(CURVE_COUNT)
        for name, size in BREATH.items():
            self._breath[INDEX[name]] = size

    def pose(self, tick: int, activity: float, *, head: bool, expression: bool, breath: bool) -> Pose:
        """Return the pose of a tick, shape (61,).

        Args:
            tick: Index of the tick.
            activity: How much the character speaks, 0 to 1; the head moves more with it.
            head: Whether the head sways.
            expression: Whether the rest of the face moves.
            breath: Whether the face breathes.
        """
        seconds = tick / TICK_RATE
        noise = np.sin(self._omega * seconds + self._phase)  # (sources * WAVES,)
        pose = np.zeros(CURVE_COUNT)
        if expression:  # einsum, not @: BLAS would wake its threads for this little
            pose[: ROTATIONS.start] = np.einsum("cs,s->c", self._face, noise)
            pose += self._rest
        if head:
            pose[ROTATIONS] = np.einsum("cs,s->c", self._head, noise) * (1 + SPEAKING_SWAY * activity)
        if breath:
            pose += self._breath * _lungs(BREATHS_PER_SECOND * seconds + BREATH_WANDER / (2 * math.pi) * noise[0])
        return pose


def _lungs(phase: float) -> float:
    """Return how full the lungs are, 0 to 1, at a phase in breaths: quicker in than out."""
    part = phase % 1.0
    share = part / INHALING if part < INHALING else 1 + (part - INHALING) / (1 - INHALING)
    return 0.5 - 0.5 * math.cos(math.pi * share)


def _mixing(rest: Pose) -> Pose:
    """Return what each noise source adds to each curve, shape (61, sources), and write the curves' rest values."""
    columns = []
    for motion in MOTIONS:
        rows = [INDEX[name] for name in motion.curves]
        rest[rows] = motion.rest
        together = np.zeros(CURVE_COUNT)
        together[rows] = motion.together
        columns.append(together)
        for row in rows if motion.alone else ():
            alone = np.zeros(CURVE_COUNT)
            alone[row] = motion.alone
            columns.append(alone)
    return np.stack(columns, axis=1)
