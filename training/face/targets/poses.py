"""Mouth pose of each phone, and its dominance over its neighbours.

Poses are average ARKit curves of English speech, in percent, the same on the left and right; the second element of a
diphthong has its own pose. `DOMINANCE` is the weight of a phone among its neighbours, for each group of curves: /p/
must close the lips whatever surrounds it, /h/ takes the shape of its vowel.
"""

from __future__ import annotations

from typing import TypeAlias

Pose: TypeAlias = dict[str, float]
"""Curve to weight, 0 to 1."""

CHANNELS = (
    "JawOpen",
    "JawForward",
    "MouthClose",
    "MouthFunnel",
    "MouthPucker",
    "MouthSmile",
    "MouthFrown",
    "MouthDimple",
    "MouthStretch",
    "MouthRollLower",
    "MouthRollUpper",
    "MouthShrugLower",
    "MouthShrugUpper",
    "MouthPress",
    "MouthLowerDown",
    "MouthUpperUp",
    "CheekPuff",
    "CheekSquint",
    "TongueOut",
)
"""The network's outputs in order; a name without Left/Right that ARKit splits means both."""

GROUPS = {
    "jaw": ("JawOpen", "JawForward"),
    "round": ("MouthFunnel", "MouthPucker"),
    "closure": (
        "MouthClose",
        "MouthRollLower",
        "MouthRollUpper",
        "MouthShrugLower",
        "MouthShrugUpper",
        "MouthPress",
        "CheekPuff",
    ),
}
"""Groups of curves with a common dominance; all others are the group "lip"."""


def group_of(channel: str) -> str:
    """Return the dominance group of a curve."""
    return next((name for name, members in GROUPS.items() if channel in members), "lip")


_LETTERS = {
    "J": "JawOpen",
    "f": "JawForward",
    "C": "MouthClose",
    "F": "MouthFunnel",
    "P": "MouthPucker",
    "S": "MouthSmile",
    "w": "MouthFrown",
    "D": "MouthDimple",
    "T": "MouthStretch",
    "r": "MouthRollLower",
    "R": "MouthRollUpper",
    "h": "MouthShrugLower",
    "H": "MouthShrugUpper",
    "X": "MouthPress",
    "L": "MouthLowerDown",
    "U": "MouthUpperUp",
    "B": "CheekPuff",
    "O": "TongueOut",
}

_TABLE = """
SIL
AA  J40 L34 U7 F10 P6 T8
AE  J38 L48 U16 T22 S8 D4
AH  J26 L32 U8 F6 T6
AO  J30 L14 U5 F28 P32 w5 C2
AX  J15 L22 U6 F6 T4
EH  J27 L40 U12 T14 S8 D3
ER  J16 L16 U6 F18 P22
IH  J15 L32 U10 T12 S8 D3
IY  J11 L36 U14 T22 S16 D6
UH  J15 L14 U5 F22 P24
UW  J9 L8 U4 F14 P46 w3
Q   J12 L15
EY1 J25 L40 U12 T16 S10 D4
EY2 J13 L36 U12 T20 S14 D5
AY1 J42 L44 U10 T18 S5
AY2 J15 L36 U12 T20 S14 D5
OW1 J24 L16 U5 F22 P26
OW2 J11 L8 U4 F14 P46 w3
AW1 J42 L44 U10 T18
AW2 J15 L12 U4 F14 P38
OY1 J28 L16 U5 F26 P32 w4
OY2 J13 L34 U12 T18 S12
P   J10 C14 X10 r12 R6 h8 B5
B   J11 C14 X10 r12 R6 h8 B4
M   J12 C14 X8 r11 R6 h7
F   J6 C3 r12 U8 h10 H10 L6 S3
V   J7 C3 r10 U8 h8 H9 L7 S3
TH  J9 L22 U8 O10
DH  J9 L22 U8 O8
T   J9 L29 U12 F6 S4 T6
D   J10 L29 U11 F6 S4 T5
N   J10 L28 U10 F6 S3 T5
L   J12 L26 U7 T4 O2
DX  J11 L26 U7 T4
S   J5 L30 U13 F8 T6 S8 D3 H3
Z   J6 L30 U12 F8 T6 S8 D3 H3
SH  J6 L30 U20 F42 P16 H6 f8
ZH  J7 L28 U18 F40 P16 H6 f8
CH  J6 L29 U20 F42 P16 H6 f8
JH  J7 L28 U18 F40 P16 H6 f8
K   J13 L24 U7
G   J13 L24 U7
NG  J13 L24 U7
HH  J15 L24 U6
R   J10 L12 U5 F20 P26 C1
W   J8 L2 U1 F6 P58 C6 w6
Y   J9 L32 U12 T18 S12
"""


CHEEK = 0.5
"""Share of a smile that lifts the cheeks."""


def _parse(table: str) -> dict[str, Pose]:
    """Return phone -> curve -> weight (0 to 1) from the table above."""
    poses = {}
    for line in table.strip().splitlines():
        phone, *parts = line.split()
        pose = {_LETTERS[part[0]]: int(part[1:]) / 100 for part in parts}
        pose["JawForward"] = max(pose.get("JawForward", 0.0), 0.12 * pose.get("JawOpen", 0.0))
        pose["CheekSquint"] = CHEEK * pose.get("MouthSmile", 0.0)
        poses[phone] = pose
    return poses


POSES = _parse(_TABLE)
"""Phone (diphthongs split in `…1` and `…2`) to its curves."""

DIPHTHONGS = ("EY", "AY", "OW", "AW", "OY")
"""Phones of two poses; the first lasts `DIPHTHONG_SPLIT` of the whole."""
DIPHTHONG_SPLIT = 0.55
BILABIALS = ("P", "B", "M")
LABIODENTALS = ("F", "V")

_LEVELS = (
    ("SIL", (0.7, 0.9, 0.5, 0.5)),
    ("P B M", (1.6, 1.0, 0.35, 3.0)),
    ("F V", (1.5, 1.0, 0.4, 3.0)),
    ("SH ZH CH JH", (1.1, 1.2, 1.3, 0.8)),
    ("W R", (1.1, 0.8, 1.4, 0.6)),
    ("S Z", (0.8, 1.3, 0.5, 0.8)),
    ("HH Q", (0.2, 0.2, 0.15, 0.3)),
    ("K G NG", (0.35, 0.5, 0.25, 0.6)),
    ("T D N L TH DH Y DX", (0.5, 0.8, 0.35, 0.7)),
    ("UW OW1 OW2 AO UH OY1 OY2 AW1 AW2 ER", (1.0, 1.0, 1.3, 0.5)),
    ("AX", (0.5, 0.6, 0.4, 0.5)),
    ("AA AE AH EH IH IY EY1 EY2 AY1 AY2", (1.0, 1.0, 0.9, 0.5)),
)
DOMINANCE = {
    phone: dict(zip(("lip", "jaw", "round", "closure"), levels, strict=True))
    for phones, levels in _LEVELS
    for phone in phones.split()
}
"""Phone to its weight in each group."""

ROLL_SECONDS = {"lip": (0.055, 0.055), "jaw": (0.065, 0.060), "round": (0.095, 0.070), "closure": (0.045, 0.040)}
"""Seconds before and after a phone over which its pose has an effect."""
