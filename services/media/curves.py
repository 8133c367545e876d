"""The 61 ARKit curves: their names, their order in a Live Link datagram, and the regions of the face.

Order: Unreal's `EARFaceBlendShape`. Recordings of the Live Link Face app swap Left and Right of Jaw and Mouth in their
header, so columns of files are mapped by name, never by position.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

CURVE_NAMES: Final[tuple[str, ...]] = (
    "EyeBlinkLeft", "EyeLookDownLeft", "EyeLookInLeft", "EyeLookOutLeft", "EyeLookUpLeft",
    "EyeSquintLeft", "EyeWideLeft",
    "EyeBlinkRight", "EyeLookDownRight", "EyeLookInRight", "EyeLookOutRight", "EyeLookUpRight",
    "EyeSquintRight", "EyeWideRight",
    "JawForward", "JawLeft", "JawRight", "JawOpen",
    "MouthClose", "MouthFunnel", "MouthPucker", "MouthLeft", "MouthRight", "MouthSmileLeft", "MouthSmileRight",
    "MouthFrownLeft", "MouthFrownRight", "MouthDimpleLeft", "MouthDimpleRight", "MouthStretchLeft", "MouthStretchRight",
    "MouthRollLower", "MouthRollUpper", "MouthShrugLower", "MouthShrugUpper", "MouthPressLeft", "MouthPressRight",
    "MouthLowerDownLeft", "MouthLowerDownRight", "MouthUpperUpLeft", "MouthUpperUpRight",
    "BrowDownLeft", "BrowDownRight", "BrowInnerUp", "BrowOuterUpLeft", "BrowOuterUpRight",
    "CheekPuff", "CheekSquintLeft", "CheekSquintRight", "NoseSneerLeft", "NoseSneerRight", "TongueOut",
    "HeadYaw", "HeadPitch", "HeadRoll",
    "LeftEyeYaw", "LeftEyePitch", "LeftEyeRoll", "RightEyeYaw", "RightEyePitch", "RightEyeRoll",
)  # fmt: skip
CURVE_COUNT: Final = len(CURVE_NAMES)
INDEX: Final[dict[str, int]] = {name: index for index, name in enumerate(CURVE_NAMES)}
"""Column of each curve by name."""

EYES: Final = slice(0, 14)
"""Lids and gaze."""
MOUTH: Final = slice(14, 41)
"""Jaw, lips and mouth corners."""
BROWS: Final = slice(41, 46)
CHEEKS: Final = slice(46, 51)
"""Cheeks and nose."""
TONGUE: Final = 51
ROTATIONS: Final = slice(52, 61)
"""Head and eyeballs: signed, -1 to 1; every other curve lies within 0 to 1."""

LOWEST: Final = np.zeros(CURVE_COUNT, np.float32)
"""Lowest legal value of each curve."""
LOWEST[ROTATIONS] = -1.0


def clamp(weights: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return weights (..., 61) within their legal range."""
    return np.clip(weights, LOWEST, np.float32(1.0))


def columns(names: Sequence[str]) -> npt.NDArray[np.intp]:
    """Return, for each of the 61 curves, the column of `names` that holds it, or -1 if none does."""
    position = {name.lower(): column for column, name in enumerate(names)}
    return np.array([position.get(name.lower(), -1) for name in CURVE_NAMES], np.intp)


def in_arkit_order(rows: npt.NDArray[np.float32], names: Sequence[str]) -> npt.NDArray[np.float32]:
    """Return rows of the curves `names`, shape (n, len(names)), as rows of all 61; curves not among them are 0."""
    column = columns(names)
    ordered = np.zeros((len(rows), CURVE_COUNT), np.float32)
    ordered[:, column >= 0] = rows[:, column[column >= 0]]
    return ordered
