"""The shipped model against the published NeuroSync model, on a real voice that was not in the training data.

NEUROSYNC_REFERENCE_DIR names the folder of reference material; the recording lies beside it. Nothing is
fitted: frames of recorded faces follow the sound by about 33 ms, so ours are compared that much later.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from services.common.types import Pcm, Weights
from services.media.curves import INDEX

Curves = Callable[[str], np.ndarray]
DELAY = 2  # frames


@pytest.fixture(scope="module")
def recording() -> Path:
    named = os.environ.get("NEUROSYNC_REFERENCE_DIR")
    if not named:
        pytest.skip("NEUROSYNC_REFERENCE_DIR is not set")
    folder = Path(named).parent / "real" / "neurosync_output_a"
    if not (folder / "audio.wav").exists():
        pytest.skip(f"{folder.name} is not beside the reference folder")
    return folder


@pytest.fixture(scope="module")
def theirs(recording: Path) -> Curves:
    with (recording / "shapes.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return lambda name: np.array([float(row[name]) for row in rows])


@pytest.fixture(scope="module")
def ours(recording: Path, animate: Callable[[Pcm, int], Weights]) -> Curves:
    pcm, rate = soundfile.read(recording / "audio.wav", dtype="int16")
    frames = animate(pcm, rate)
    later = np.concatenate([np.repeat(frames[:1], DELAY, axis=0), frames])
    return lambda name: later[: len(frames), INDEX[name]]


def both(curves: Curves, name: str) -> np.ndarray:
    """Return a curve, or the mean of its two sides."""
    return curves(name) if name in INDEX else (curves(name + "Left") + curves(name + "Right")) / 2


COMPOSITES = {
    "opening": {"JawOpen": 1.0, "MouthLowerDown": 0.5, "MouthUpperUp": 0.5, "MouthClose": -1.0},
    "width": {"MouthStretch": 1.0, "MouthSmile": 1.0, "MouthPucker": -1.0, "MouthFunnel": -0.5},
    "round": {"MouthFunnel": 1.0, "MouthPucker": 1.0},
}


def measure(curves: Curves, name: str) -> np.ndarray:
    parts = [share * both(curves, part) for part, share in COMPOSITES.get(name, {name: 1.0}).items()]
    return np.asarray(np.sum(parts, axis=0))


def jitter(values: np.ndarray) -> float:
    return float(np.abs(np.diff(values, 2)).mean() / values.std())


# What a prototype of this model reached.
@pytest.mark.parametrize(
    ("name", "least"),
    [
        ("JawOpen", 0.72),
        ("opening", 0.72),
        ("MouthClose", 0.48),
        ("MouthFunnel", 0.63),
        ("width", 0.73),
        ("round", 0.69),
    ],
)
def test_the_mouth_moves_as_the_published_model_moves_it(ours: Curves, theirs: Curves, name: str, least: float) -> None:
    a, b = measure(ours, name), measure(theirs, name)
    assert len(a) == len(b) == 610
    assert np.corrcoef(a, b)[0, 1] >= least


def test_the_jaw_is_as_calm_and_as_wide_as_the_published_models(ours: Curves, theirs: Curves) -> None:
    a, b = ours("JawOpen"), theirs("JawOpen")
    assert jitter(a) / jitter(b) <= 1.3
    assert 0.7 <= a.std() / b.std() <= 1.4
