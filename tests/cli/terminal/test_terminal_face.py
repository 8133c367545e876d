"""The little face of the terminal."""

from __future__ import annotations

import numpy as np

from services.cli.terminal.terminal_face import COLUMNS, LINES, face_lines
from services.media.curves import CURVE_NAMES
from tests.media.poses import POSES, pose


def dots(lines: list[str]) -> int:
    return sum((ord(character) - 0x2800).bit_count() for line in lines for character in line)


def test_the_face_is_braille_of_one_size_whatever_comes() -> None:
    extremes = [np.full(61, value, np.float32) for value in (0, 1, -1, 50, np.nan, np.inf)]
    for values in [pose(**shape) for shape in POSES.values()] + extremes:
        lines = face_lines(values)
        assert [len(line) for line in lines] == [COLUMNS] * LINES
        assert all(0x2800 <= ord(character) < 0x2900 for line in lines for character in line)


def test_the_face_shows_what_the_curves_say() -> None:
    rest = face_lines(pose())
    assert dots(face_lines(pose(JawOpen=0.6))[8:]) > dots(rest[8:]) + 10  # two lips, apart
    assert dots(face_lines(pose(JawOpen=0.6, MouthClose=0.6))[8:10]) < dots(face_lines(pose(JawOpen=0.6))[8:10])
    assert dots(face_lines(pose(EyeBlink=1))[3:6]) < dots(rest[3:6]) - 10
    left, right = face_lines(pose(EyeBlinkLeft=1))[4], rest[4]
    assert left[:12] == right[:12]  # the character's left is the picture's right
    assert left[12:] != right[12:]
    for name in ("HeadYaw", "HeadPitch", "BrowInnerUp", "MouthSmileLeft", "MouthPucker", "EyeLookOutLeft", "MouthLeft"):
        assert face_lines(pose(**{name: 0.7})) != rest, name
    assert len(CURVE_NAMES) == 61
