"""A picture of one minute of an idle face as SVG: lids, eyes, head, brows and the voice over time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from services.media.curves import INDEX
from services.player.timeline.ticks import TICK_RATE

Series = npt.NDArray[np.float64]

WIDTH, LEFT, TOP, ROW, GAP = 960, 132, 78, 74, 14
ROWS = (
    ("lids", "0 to 1", ("EyeBlinkLeft",), 0.0, 1.0, 1.0),
    ("eyes", "degrees", ("LeftEyeYaw", "LeftEyePitch"), -12.0, 12.0, 57.2958),
    ("head", "degrees", ("HeadYaw", "HeadPitch", "HeadRoll"), -7.0, 7.0, 57.2958),
    ("brows, inner", "0 to 0.3", ("BrowInnerUp",), 0.0, 0.3, 1.0),
    ("mouth corner", "0 to 0.1", ("MouthSmileLeft",), 0.0, 0.1, 1.0),
)
"""Label, unit, curves, lowest and highest value that fit, and factor of the values."""
GROUP = 4  # ticks a point of the picture
COLOURS = ("#0891b2", "#ea580c", "#7c3aed")
TITLE = "A minute of a face: it waits for 30 s, then speaks"
NOTE = "Computed, not recorded: blinks, fixations and saccades, sway, breath; then nods and glances with the voice."


def draw(path: Path, poses: Series, levels: Series) -> None:
    """Write the picture of poses, shape (ticks, 61), and of how loud the voice is on each tick."""
    bottom = TOP + (ROW + GAP) * (len(ROWS) + 1)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {bottom + 26}" font-family="sans-serif" '
        'font-size="12" role="img">',
        f"<title>{TITLE}</title>",
        f'<rect width="{WIDTH}" height="{bottom + 26}" fill="#ffffff"/>',
        f'<text x="16" y="26" font-size="16" font-weight="bold" fill="#0f172a">{TITLE}</text>',
        f'<text x="16" y="46" fill="#64748b">{NOTE}</text>',
        *_time_marks(len(poses) / TICK_RATE, bottom),
    ]
    for number, (label, unit, curves, lowest, highest, factor) in enumerate(ROWS):
        top = TOP + (ROW + GAP) * number
        parts += _frame(top, label, unit)
        for index, (curve, colour) in enumerate(zip(curves, COLOURS, strict=False)):
            parts.append(_line(poses[:, INDEX[curve]] * factor, top, lowest, highest, colour))
            if len(curves) > 1:
                name = curve.removeprefix("LeftEye").removeprefix("Head").lower()
                parts.append(
                    f'<text x="{LEFT - 10}" y="{top + 44 + 13 * index}" text-anchor="end" fill="{colour}">{name}</text>'
                )
    top = TOP + (ROW + GAP) * len(ROWS)
    parts += _frame(top, "voice", "loudness")
    parts.append(_line(levels, top, 0.0, max(float(levels.max()), 1e-6), "#334155"))
    path.write_text("\n".join([*parts, "</svg>", ""]), encoding="utf-8")


def _time_marks(seconds: float, bottom: int) -> list[str]:
    parts = []
    for second in range(0, round(seconds) + 1, 10):
        x = LEFT + (WIDTH - LEFT - 20) * second / seconds
        parts.append(f'<path d="M{x:.1f} {TOP - 6}V{bottom - 4}" stroke="#e2e8f0"/>')
        parts.append(f'<text x="{x:.1f}" y="{bottom + 14}" text-anchor="middle" fill="#64748b">{second} s</text>')
    return parts


def _frame(top: int, label: str, unit: str) -> list[str]:
    return [
        f'<path d="M{LEFT} {top + ROW}H{WIDTH - 20}" stroke="#cbd5e1"/>',
        f'<text x="{LEFT - 10}" y="{top + 14}" text-anchor="end" fill="#0f172a">{label}</text>',
        f'<text x="{LEFT - 10}" y="{top + 29}" text-anchor="end" fill="#64748b">{unit}</text>',
    ]


def _line(values: Series, top: int, lowest: float, highest: float, colour: str) -> str:
    """Return a curve; of each few ticks the largest, so that the peak of a blink stays."""
    groups = values[: len(values) // GROUP * GROUP].reshape(-1, GROUP)
    picked = np.take_along_axis(groups, np.abs(groups).argmax(axis=1)[:, None], axis=1)[:, 0]
    shares = np.clip((picked - lowest) / (highest - lowest), 0, 1)
    xs = LEFT + (WIDTH - LEFT - 20) * np.arange(len(picked)) / max(len(picked) - 1, 1)
    points = " ".join(f"{x:.1f},{top + ROW * (1 - y):.1f}" for x, y in zip(xs, shares, strict=True))
    return f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.2"/>'
