"""Draws a face of 61 curves as lines of braille characters, for a terminal."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from services.media.curves import INDEX

COLUMNS, LINES = 24, 12
WIDTH, HEIGHT = 2 * COLUMNS, 4 * LINES  # dots: a braille character is two wide and four high
_BRAILLE = 0x2800
_BITS = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]])  # of the dots of a character (Unicode 2800)
_HEAD = (19.0, 22.0)  # half width and half height in dots
_TURN = 9.0  # dots that the features move for a radian of yaw; a picture of this size shows no more depth
_STEPS = 120  # points of a line; fewer leave holes

Values = npt.NDArray[np.float32]


def face_lines(values: Values) -> list[str]:
    """Return the face as `LINES` strings of `COLUMNS` characters; `values` has shape (61,)."""
    dots = np.zeros((HEIGHT, WIDTH), bool)
    _draw(dots, np.clip(np.nan_to_num(values), -1, 1))
    cells = dots.reshape(LINES, 4, COLUMNS, 2).transpose(0, 2, 1, 3)  # (lines, columns, 4, 2)
    codes = _BRAILLE + (cells * _BITS).sum(axis=(2, 3))
    return ["".join(map(chr, row)) for row in codes.tolist()]


def _draw(dots: npt.NDArray[np.bool_], values: Values) -> None:
    def weight(name: str) -> float:
        return float(values[INDEX[name]])

    x, y = WIDTH / 2 - 0.5, HEIGHT / 2 - 0.5
    jaw = 3 * weight("JawOpen")
    angle = np.linspace(0, 2 * np.pi, 2 * _STEPS)
    chin = np.where(np.sin(angle) > 0, jaw * np.sin(angle) ** 2, 0)
    _plot(dots, x + _HEAD[0] * np.cos(angle), y - 1.5 + (_HEAD[1] - 2) * np.sin(angle) + chin)
    x -= _TURN * weight("HeadYaw")  # to the character's right, the picture's left
    y += _TURN * weight("HeadPitch")
    for side, sign in (("Right", -1), ("Left", 1)):  # the character's left is the picture's right
        _eye(dots, x + 8.5 * sign, y - 5, sign, {name: weight(f"{name}{side}") for name in _EYE_CURVES})
        lift = 2.5 * weight("BrowInnerUp"), 2.5 * weight(f"BrowOuterUp{side}")
        drop = 2 * weight(f"BrowDown{side}")
        part = np.linspace(0, 1, _STEPS)
        height = y - 10.5 - lift[0] * (1 - part) - lift[1] * part + drop * (1.3 - part)
        _plot(dots, x + sign * (5 + 8 * part), height)
    _plot(dots, np.full(_STEPS, x), y + np.linspace(1, 4, _STEPS))
    _mouth(dots, x, y + 11 + 0.6 * jaw, weight)


_EYE_CURVES = ("EyeBlink", "EyeWide", "EyeSquint", "EyeLookIn", "EyeLookOut", "EyeLookUp", "EyeLookDown")


def _eye(dots: npt.NDArray[np.bool_], x: float, y: float, sign: int, curve: dict[str, float]) -> None:
    opening = max(0.0, 3.4 * (1 - curve["EyeBlink"]) * (1 + 0.4 * curve["EyeWide"] - 0.4 * curve["EyeSquint"]))
    part = np.linspace(-1, 1, _STEPS)
    _plot(dots, x + 4.5 * part, y - opening * (1 - part**2))
    _plot(dots, x + 4.5 * part, y + 0.5 * opening * (1 - part**2))
    if opening > 1:
        across = sign * (curve["EyeLookOut"] - curve["EyeLookIn"])
        up = curve["EyeLookUp"] - curve["EyeLookDown"]
        angle = np.linspace(0, 2 * np.pi, _STEPS)
        for radius in (0.0, 1.0):
            _plot(dots, x + 3 * across + radius * np.cos(angle), y - 0.3 * opening - 2 * up + radius * np.sin(angle))


def _mouth(dots: npt.NDArray[np.bool_], x: float, y: float, weight: Callable[[str], float]) -> None:
    def both(name: str) -> float:
        return (weight(f"{name}Left") + weight(f"{name}Right")) / 2

    wide = 1 + 0.3 * both("MouthStretch") + 0.25 * both("MouthSmile")
    narrow = 1 - 0.5 * weight("MouthPucker") - 0.25 * weight("MouthFunnel")
    half = 7.5 * wide * max(0.3, narrow)
    gap = 9 * max(0.0, weight("JawOpen") - weight("MouthClose"))
    gap += 2.5 * both("MouthLowerDown") + 1.5 * both("MouthUpperUp")
    corner = 3 * (both("MouthFrown") - both("MouthSmile"))
    x += 3 * (weight("MouthLeft") - weight("MouthRight") + weight("JawLeft") - weight("JawRight"))
    part = np.linspace(-1, 1, _STEPS)
    arch = 1 - part**2
    _plot(dots, x + half * part, y + corner * part**2 - 0.35 * gap * arch)
    if gap > 1:
        _plot(dots, x + half * part, y + corner * part**2 + 0.65 * gap * arch)


def _plot(dots: npt.NDArray[np.bool_], x: npt.NDArray[np.float64], y: npt.NDArray[np.float64]) -> None:
    """Set the dots under a line of points; those outside the picture are left out."""
    columns, rows = np.rint(x).astype(int), np.rint(y).astype(int)
    inside = (columns >= 0) & (columns < WIDTH) & (rows >= 0) & (rows < HEIGHT)
    dots[rows[inside], columns[inside]] = True
