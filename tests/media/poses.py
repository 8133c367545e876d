"""Mouth and face shapes as a person would pose them, for tests and for looking at."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from services.media.curves import CURVE_COUNT, INDEX

POSES: dict[str, dict[str, float]] = {
    "rest": {},
    "AA": {"JawOpen": 0.55, "MouthLowerDown": 0.25, "MouthUpperUp": 0.1},
    "IY": {"JawOpen": 0.08, "MouthStretch": 0.35, "MouthSmile": 0.3, "MouthLowerDown": 0.4, "MouthUpperUp": 0.25},
    "UW": {"JawOpen": 0.1, "MouthPucker": 0.75, "MouthFunnel": 0.3},
    "OH": {"JawOpen": 0.32, "MouthFunnel": 0.65, "MouthPucker": 0.25},
    "M": {"JawOpen": 0.06, "MouthClose": 0.08, "MouthPress": 0.35, "MouthRollLower": 0.35, "MouthRollUpper": 0.3},
    "F": {"JawOpen": 0.04, "MouthRollLower": 0.6, "MouthUpperUp": 0.45, "MouthLowerDown": 0.05},
    "smile": {"MouthSmile": 0.75, "CheekSquint": 0.5, "EyeSquint": 0.25, "MouthDimple": 0.2},
    "blink": {"EyeBlink": 1.0},
    "brows up": {"BrowInnerUp": 0.8, "BrowOuterUp": 0.8, "EyeWide": 0.5},
    "frown": {"BrowDown": 0.9, "MouthFrown": 0.6, "NoseSneer": 0.4, "EyeSquint": 0.3},
    "turned": {"HeadYaw": -0.4, "HeadPitch": 0.1, "HeadRoll": 0.1, "EyeLookOutLeft": 0.4, "EyeLookInRight": 0.4},
}
"""By name: curve to weight; a name without side stands for both."""


def pose(**named: float) -> npt.NDArray[np.float32]:
    """Return the 61 weights, shape (61,), of named curves; `MouthSmile` sets both sides."""
    weights = np.zeros(CURVE_COUNT, np.float32)
    for name, value in named.items():
        for full in [name] if name in INDEX else [f"{name}Left", f"{name}Right"]:
            weights[INDEX[full]] = value
    return weights
