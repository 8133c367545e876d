"""Try the shipped model: animate recordings, and measure the jaw where nobody speaks.

The CSVs have Live Link Face columns, so any tool that reads such recordings can compare or play them.
"""

from __future__ import annotations

import csv
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import soundfile

from services.face.engine import Pcm, Weights
from services.face.features import FRAME_RATE, SAMPLE_RATE, Floats
from services.face.model import LipModel
from services.media.curves import CURVE_NAMES, INDEX
from training.face.augment import coloured_noise, decibels
from training.face.negatives import breath, clatter, music, tones

IDLE_SECONDS = 8.0
COLOURS = {"blue": -3.0, "white": 0.0, "pink": 3.0, "brown": 6.0}
"""Slopes in decibels an octave."""


def animate(model: LipModel, pcm: Pcm, rate: int) -> Weights:
    """Return the frames of a whole sound."""
    stream = model.open(rate)
    return np.concatenate([stream.push(pcm), stream.end()])


def write_csv(path: Path, frames: Weights) -> None:
    """Write frames with the header of a Live Link Face recording."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["Timecode", "BlendshapeCount", *CURVE_NAMES])
        for index, frame in enumerate(frames):
            seconds, part = divmod(index, FRAME_RATE)
            code = f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}:{part:02d}.000"
            writer.writerow([code, len(CURVE_NAMES), *(f"{value:.6f}" for value in frame)])


def _pcm(sound: Floats) -> Pcm:
    return np.clip(np.round(sound * 32767), -32768, 32767).astype(np.int16)


def idle_figures(model: LipModel, seed: int = 99) -> dict[str, tuple[float, float]]:
    """Return mean and largest JawOpen for sounds without speech, the first half second excepted."""
    count = int(IDLE_SECONDS * SAMPLE_RATE)
    rng = np.random.default_rng(seed)
    sounds: dict[str, Floats] = {"digital silence": np.zeros(count, np.float32)}
    for name, slope in COLOURS.items():
        for level in (-20, -30, -40, -50):
            sounds[f"{name} noise {level} dBFS"] = coloured_noise(count, slope, rng) * np.float32(decibels(level))
    kinds: tuple[Callable[[int, np.random.Generator], Floats], ...] = (breath, clatter, music, tones)
    for kind in kinds:
        sounds[kind.__name__] = np.concatenate([kind(count // 2, rng) for _ in range(4)])
    jaws = {name: animate(model, _pcm(sound), SAMPLE_RATE)[30:, INDEX["JawOpen"]] for name, sound in sounds.items()}
    return {name: (float(jaw.mean()), float(jaw.max())) for name, jaw in jaws.items()}


def evaluate(sounds: Sequence[Path], out: Path) -> None:
    """Print idle figures and the time of a step, and write a CSV for each recording."""
    model = LipModel()
    for name, (mean, largest) in idle_figures(model).items():
        print(f"{name:24} JawOpen mean {mean:.3f} max {largest:.3f}")
    noise = _pcm(coloured_noise(20 * SAMPLE_RATE, 3.0, np.random.default_rng(1)) * np.float32(0.1))
    stream, spent = model.open(24_000), []
    for start in range(0, 24_000 * 10, 400):
        begun = time.perf_counter()
        stream.push(noise[start : start + 400])
        spent.append((time.perf_counter() - begun) * 1000)
    print(f"step of one frame: median {np.median(spent):.3f} ms, p99 {np.percentile(spent, 99):.3f} ms")
    out.mkdir(parents=True, exist_ok=True)
    for path in sounds:
        pcm, rate = soundfile.read(path, dtype="int16", always_2d=True)
        target = out / f"{path.parent.name}-{path.stem}.csv"
        write_csv(target, animate(model, pcm.mean(axis=1).astype(np.int16), rate))
        print(target)
