"""The picture of a take: its sound, words, events, emotions and curves over one time axis."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from services.cli.pictures.drawing import Canvas, PngCanvas, Points, SvgCanvas
from services.common.errors import BadRequestError
from services.common.types import FRAME_RATE, Weights
from services.media.curves import CURVE_NAMES, INDEX, LOWEST
from services.media.emotions import EMOTION_NAMES
from services.media.takes.take_folder import Take

CURVES = (
    "JawOpen",
    "MouthClose",
    "MouthFunnel",
    "MouthPucker",
    "MouthSmileLeft",
    "EyeBlinkLeft",
    "BrowInnerUp",
    "HeadYaw",
)
"""The curves of a picture for which none are named."""
WIDTH, LEFT, RIGHT = 1200, 130, 16  # pixels; names stand left of LEFT
_WAVE, _WORDS, _EVENTS, _LANE, _GAP, _RULER = 84, 20, 18, 46, 6, 24
_INK, _SOFT, _LINE, _WAVE_COLOUR, _BLOCK, _MARK = "#1d2530", "#5d6a79", "#d7dde4", "#7d94a8", "#e4ebf1", "#e8b04a"
_PALETTE = ("#d1495b", "#2b7fd1", "#2f9e63", "#b8791a", "#8a56c9", "#0f9aa0", "#c2479d", "#6b7f2a")
_KINDS: Final[dict[str, Callable[[int, int, str], Canvas]]] = {".svg": SvgCanvas, ".png": PngCanvas}
_STEPS = (0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 300, 600)  # seconds between two marks of the axis
MOST_MARKS = 14
LEAST_EMOTION = 0.03  # strength below which an emotion is not drawn


def write_plot(path: Path, take: Take, curves: Sequence[str] = CURVES) -> None:
    """Draw a take into `path`, .svg or .png; a file that exists is replaced.

    Raises:
        BadRequestError: The suffix is another, a curve is none of the 61, or the take is empty.
        UnavailableError: A .png is asked for, and Pillow is not installed.
    """
    kind = _KINDS.get(path.suffix.lower())
    if kind is None:
        raise BadRequestError("--plot", path.name, f"a name that ends in {' or '.join(_KINDS)}")
    known = {name.lower(): name for name in CURVE_NAMES}
    for name in curves:
        if name.lower() not in known:
            raise BadRequestError("--curve", name, "the name of an ARKit curve, such as JawOpen")
    if not len(take.weights):
        raise BadRequestError("--take", "no frames", "a take with something in it")
    canvas = draw(take, [known[name.lower()] for name in curves], kind)
    path.write_bytes(canvas.encoded())


@dataclass
class _Sheet:
    """A canvas with a time axis."""

    canvas: Canvas
    seconds: float
    y: float = 0.0

    def x(self, seconds: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * seconds / self.seconds

    def label(self, text: str, height: float, colour: str = _INK) -> None:
        self.canvas.text(LEFT - 8, self.y + height / 2 + 4, text, colour, anchor="end")


def draw(take: Take, curves: Sequence[str], kind: Callable[[int, int, str], Canvas]) -> Canvas:
    """Return the picture of a take."""
    shown = _shown_emotions(take.emotions)
    height = _RULER + _WAVE + 2 * _GAP + (_LANE + _GAP) * (len(curves) + bool(shown))
    height += (_WORDS + _GAP) * bool(take.info.words) + (_EVENTS + _GAP) * bool(take.info.events)
    sheet = _Sheet(kind(WIDTH, height, "#ffffff"), max(len(take.weights) / FRAME_RATE, take.seconds))
    _ruler(sheet, height)
    _wave(sheet, take)
    if take.info.words:
        _words(sheet, take)
    if take.info.events:
        _events(sheet, take)
    if shown and take.emotions is not None:
        _emotions(sheet, take.emotions, shown)
    for k, name in enumerate(curves):
        _curve(sheet, take.weights, name, _PALETTE[k % len(_PALETTE)])
    return sheet.canvas


def _shown_emotions(emotions: Weights | None) -> list[str]:
    """Return the names of the emotions that ever reach `LEAST_EMOTION`."""
    if emotions is None or not len(emotions):
        return []
    return [name for name, most in zip(EMOTION_NAMES, emotions.max(axis=0), strict=True) if most >= LEAST_EMOTION]


def _top(most: float) -> float:
    """Return the top of a scale: the least of some round values that is not below `most`."""
    return next((top for top in (0.1, 0.25, 0.5) if top >= most), 1.0)


def _ruler(sheet: _Sheet, height: int) -> None:
    step = next((step for step in _STEPS if sheet.seconds / step <= MOST_MARKS), _STEPS[-1])
    for k in range(int(sheet.seconds / step) + 1):
        x = sheet.x(k * step)
        sheet.canvas.line(np.array([[x, _RULER - 6], [x, height]]), _LINE, 1.0)
        sheet.canvas.text(x + 2, 12, f"{k * step:g} s", _SOFT, room=WIDTH - x)
    sheet.y = _RULER


def _wave(sheet: _Sheet, take: Take) -> None:
    """Draw the highest and lowest sample of each pixel."""
    left, right = sheet.x(0), sheet.x(take.seconds)
    edges = np.linspace(0, len(take.pcm), max(1, round(right - left)) + 1).astype(int)
    middle = sheet.y + _WAVE / 2
    points: list[Points] = []
    for k in range(len(edges) - 1):
        part = take.pcm[edges[k] : max(edges[k + 1], edges[k] + 1)]
        low, high = (float(part.min()), float(part.max())) if len(part) else (0.0, 0.0)
        x = left + k
        points.append(np.array([[x, middle - high / 32768 * _WAVE / 2], [x, middle - low / 32768 * _WAVE / 2]]))
    sheet.canvas.line(np.concatenate(points), _WAVE_COLOUR, 1.0)
    sheet.label("sound", _WAVE, _SOFT)
    sheet.y += _WAVE + _GAP


def _words(sheet: _Sheet, take: Take) -> None:
    for word in take.info.words:
        _span(sheet, word.start_sample / take.rate, word.end_sample / take.rate, word.word, _WORDS, _BLOCK)
    sheet.label("words", _WORDS, _SOFT)
    sheet.y += _WORDS + _GAP


def _events(sheet: _Sheet, take: Take) -> None:
    for event in take.info.events:
        start = event.start_sample / take.rate
        _span(sheet, start, event.end_sample / take.rate, "", _EVENTS, _MARK)
        is_late = start > 0.8 * sheet.seconds  # its text stands left of it, or it would leave the picture
        x = sheet.x(start) + (-3 if is_late else 4)
        sheet.canvas.text(x, sheet.y + _EVENTS / 2 + 4, event.text, _INK, anchor="end" if is_late else "start")
    sheet.label("events", _EVENTS, _SOFT)
    sheet.y += _EVENTS + _GAP


def _emotions(sheet: _Sheet, emotions: Weights, names: Sequence[str]) -> None:
    """Draw the named emotions into one lane."""
    series = [(emotions[:, EMOTION_NAMES.index(name)], _PALETTE[k]) for k, name in enumerate(names)]
    _lane(sheet, series, 0.0, 1.0)
    for k, name in enumerate(names):
        sheet.canvas.text(LEFT - 8, sheet.y + 10 + 12 * (k % 4), name, _PALETTE[k], anchor="end")
    sheet.y += _LANE + _GAP


def _curve(sheet: _Sheet, weights: Weights, name: str, colour: str) -> None:
    """Draw one curve into a lane of its own, whose scale fits its values."""
    values = weights[:, INDEX[name]]
    top = _top(np.abs(values).max())
    _lane(sheet, [(values, colour)], top * float(LOWEST[INDEX[name]]), top)
    sheet.label(name, _LANE)
    sheet.canvas.text(LEFT + 3, sheet.y + 9, f"{top:g}", _SOFT)
    sheet.y += _LANE + _GAP


def _span(sheet: _Sheet, start: float, end: float, text: str, height: float, colour: str) -> None:
    x, width = sheet.x(start), max(sheet.x(end) - sheet.x(start), 2.0)
    if x >= WIDTH - RIGHT + 1:
        return
    width = min(width, WIDTH - RIGHT - x)
    sheet.canvas.box(x, sheet.y, max(width - 1, 1.5), height, colour)
    sheet.canvas.text(x + width / 2, sheet.y + height / 2 + 4, text.strip(), _INK, anchor="middle", room=width + 2)


def _lane(sheet: _Sheet, series: Sequence[tuple[npt.NDArray[Any], str]], low: float, high: float) -> None:
    """Draw curves by frame between the values `low` and `high`."""
    canvas = sheet.canvas
    for value in {low, 0.0, high}:
        y = sheet.y + _LANE * (high - value) / (high - low)
        canvas.line(np.array([[LEFT, y], [WIDTH - RIGHT, y]]), _LINE, 1.0)
    for values, colour in series:
        across = LEFT + (WIDTH - LEFT - RIGHT) * np.arange(len(values)) / FRAME_RATE / sheet.seconds
        down = sheet.y + _LANE * (high - np.clip(values, low, high)) / (high - low)
        canvas.line(np.stack([across, down], axis=1).astype(float), colour)
