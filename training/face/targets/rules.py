"""The rules that target curves are made by: the reference rule for evaluation, and the training rule.

The reference rule is the pose table alone and stays fixed. The training rule adds anatomy that a table of single phones
cannot express:

The corners of the mouth have two muscles, and they are not one curve: the zygomatic draws them up and back, as in
"cheese" (MouthSmile), the risorius sideways, most beside an open jaw (MouthStretch). Lips that protrude or meet draw
the corners in.

The jaw opens with the syllable: by stress, whatever the vowel (Erickson, "Articulation of extreme formant patterns for
emphasized vowels", 2002), so close vowels open it, too, if half as far. At rest the teeth stand 2 to 4 mm apart, and
that is JawOpen 0: sounds made at the teeth need no more (2.5 mm in sibilants: Burnett, "Mandibular incisor position for
English consonant sounds", 1999).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from training.face.targets.poses import CHEEK, POSES, Pose


@dataclass(frozen=True)
class Rule:
    """Poses of phones and parameters of their combination."""

    poses: Mapping[str, Pose] = field(default_factory=lambda: POSES)
    lead: Mapping[str, float] = field(default_factory=dict)
    """Frames by which each group of curves is moved earlier."""
    stress: Mapping[int, float] = field(default_factory=lambda: {1: 1.12, 2: 1.0, 0: 0.82})
    """Stress of a vowel (1 primary, 2 secondary, 0 none) to the factor of its opening."""
    corners_in: float = 0.0
    """MouthPucker at which smile and stretch are reduced to nothing; 0: they are not reduced."""


_REFINED = """
AA 40 10 4, AE 38 24 7, AH 29 7 5, AX 17 4 5, EH 29 14 9, IH 20 7 14, IY 16 9 26, AY1 42 20 5, AY2 18 9 20,
EY1 26 14 12, EY2 17 9 22, AW1 42 20 4, OY2 17 8 18, AO 30 0 0, ER 19 0 0, UH 18 0 0, UW 13 0 0, OW1 26 0 0, OW2 15 0 0,
AW2 17 0 0, OY1 28 0 0, P 8 0 0, B 9 0 0, M 9 0 0, F 4 2 4, V 5 2 4, TH 5 2 5, DH 6 2 5, T 4 5 6, D 5 4 6, N 6 4 5,
L 8 3 5, DX 7 3 5, S 2 5 9, Z 3 5 9, SH 3 0 0, ZH 4 0 0, CH 3 0 0, JH 4 0 0, K 8 2 5, G 8 2 5, NG 9 2 5, HH 15 2 5,
R 8 0 0, W 6 0 0, Y 9 8 20, Q 12 2 4
"""
"""Phones with their JawOpen, MouthStretch and MouthSmile in percent."""


def _poses() -> dict[str, Pose]:
    """Return the poses with jaw and corners of the mouth as in `_REFINED`."""
    poses = dict(POSES)
    for entry in _REFINED.split(","):
        phone, *percents = entry.split()
        jaw, stretch, smile = (int(percent) / 100 for percent in percents)
        corners = {"MouthStretch": stretch, "MouthSmile": smile, "CheekSquint": CHEEK * smile}
        poses[phone] = {**poses[phone], "JawOpen": jaw, **corners}
    return poses


REFERENCE = Rule()
"""Used by the evaluation, whatever changes in the training rule."""

TRAINING = Rule(
    poses=_poses(),
    lead={"jaw": 0.0, "lip": 0.5, "closure": 0.5, "round": 1.0},
    stress={1: 1.2, 2: 1.0, 0: 0.75},
    corners_in=0.5,
)
"""Used for the network's targets.

Its lead: a frame is shown for 1/60 s, so its middle counts: half a frame for all. The jaw is heavier than the lips and
follows them by 10 to 20 ms (Gracco, "Timing factors in the coordination of speech movements", 1988), which cancels its
half frame. Rounding starts before it is audible: on held-out voices it came 10 to 19 ms after its target.
"""
