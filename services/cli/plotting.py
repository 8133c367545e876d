"""Curves of a face against the sound they were made from, as a picture that the eye can check at a glance."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from services.cli.raster import LETTER_ROWS, Colour, Picture, text_width
from services.media.curves import CURVE_COUNT, CURVE_NAMES, INDEX
from services.media.frames import Frames
from services.media.wav import Sound

CURVES = 12
"""Drawn at most, those that move most. More: a picture too tall for a screen."""
LEFT, RIGHT, TOP, BOTTOM = 262, 20, 40, 36
WAVE_ROWS, LANE_ROWS, GAP = 90, 40, 10
COLUMNS_A_SECOND, COLUMNS = 120, (700, 2400)
"""Of the picture: two a frame, as long as it is neither too small nor too wide."""
SAME = 0.01
"""Of a weight: what left and right may differ by and be drawn as one."""
FAINTEST = 0.01
"""Of full scale: quieter sound is not drawn any larger."""
INK: Colour = (15, 23, 42)
FAINT: Colour = (226, 232, 240)
GREY: Colour = (100, 116, 139)
WAVE: Colour = (8, 145, 178)
LINE: Colour = (22, 163, 74)
STEPS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200)
"""Seconds between marks of time."""
Values = npt.NDArray[np.float64]


def draw(path: Path, sound: Sound, frames: Frames, title: str) -> None:
    """Write a PNG: the waveform, and below it the curves that move most, each from its least to its largest value."""
    path.write_bytes(picture(sound, frames, title).png())


def picture(sound: Sound, frames: Frames, title: str) -> Picture:
    """Return the picture of `draw`."""
    seconds = max(sound.seconds, frames.seconds, 1 / frames.rate)
    width = int(np.clip(seconds * COLUMNS_A_SECOND, *COLUMNS))
    chosen = moving(frames)
    height = TOP + WAVE_ROWS + GAP + len(chosen) * (LANE_ROWS + GAP) + BOTTOM
    drawn = Picture(LEFT + width + RIGHT, height)
    drawn.text(16, 12, title, INK, 2)
    _mark_time(drawn, width, seconds)
    drawn.text(16, TOP + WAVE_ROWS // 2 - LETTER_ROWS, "sound", INK, 2)
    wave = sound.pcm / 32768.0
    peak = max(float(np.abs(wave).max(initial=0.0)), FAINTEST)
    _lane(drawn, wave, TOP, WAVE_ROWS, (-peak, peak), round(width * sound.seconds / seconds), WAVE)
    for place, (name, curve) in enumerate(chosen.items()):
        top = TOP + WAVE_ROWS + GAP + place * (LANE_ROWS + GAP)
        values = frames.weights[:, curve].astype(float)
        limits = min(0.0, float(values.min())), max(float(values.max()), 1e-6)
        drawn.text(16, top + 4, name, INK, 2)
        drawn.text(16, top + 26, f"{limits[0]:.2f} to {limits[1]:.2f}", GREY)
        drawn.fill(LEFT, top + LANE_ROWS, width, 1, FAINT)
        _lane(drawn, values, top, LANE_ROWS, limits, round(width * frames.seconds / seconds), LINE)
    return drawn


def moving(frames: Frames) -> dict[str, int]:
    """Return the columns of the curves that move most, in ARKit order, by what to call them.

    At most CURVES; none that stands still; and where left and right do the same, one for both.
    """
    deviation = frames.weights.std(axis=0) if len(frames) else np.zeros(CURVE_COUNT)
    names = list(CURVE_NAMES)
    for base in {name.removesuffix("Left") for name in CURVE_NAMES if name.endswith("Left")}:
        left, right = INDEX[f"{base}Left"], INDEX.get(f"{base}Right", -1)
        if right >= 0 and np.allclose(frames.weights[:, left], frames.weights[:, right], atol=SAME):
            names[left], deviation[right] = base, 0.0
    chosen = np.argsort(-deviation, kind="stable")[:CURVES]
    return {names[curve]: curve for curve in sorted(chosen.tolist()) if deviation[curve] > 0}


def _mark_time(drawn: Picture, width: int, seconds: float) -> None:
    most = width // 70
    step = next((step for step in STEPS if seconds / step <= most), seconds)
    bottom = len(drawn.pixels) - BOTTOM
    for mark in np.arange(0, seconds + step / 1e3, step):
        x = LEFT + round(width * mark / seconds)
        drawn.fill(x, TOP, 1, bottom - TOP + 4, FAINT)
        label = f"{mark:g} s"
        drawn.text(x - text_width(label) // 2, bottom + 10, label, GREY)


def _lane(
    drawn: Picture, values: Values, top: int, rows: int, limits: tuple[float, float], width: int, colour: Colour
) -> None:
    """Draw values over `width` columns: each column shows the range of what lies in it, and meets its neighbour."""
    if not len(values) or width < 1:
        return
    edges = np.linspace(0, len(values), width + 1)
    first = np.minimum(edges[:-1].astype(np.intp), len(values) - 1)
    last = np.clip(np.ceil(edges[1:]).astype(np.intp), first + 1, len(values))
    low, high = (np.array([take(values[a:b]) for a, b in zip(first, last, strict=True)]) for take in (np.min, np.max))
    low[1:], high[1:] = np.minimum(low[1:], high[:-1]), np.maximum(high[1:], low[:-1])

    def row(value: Values) -> Values:
        share = (np.clip(value, *limits) - limits[0]) / (limits[1] - limits[0])
        return np.asarray(top + (1 - share) * (rows - 1))

    drawn.band(LEFT, row(high), row(low), colour)
