"""Benchmark of the shipped model: size, whole clips and steps on one core, and the gain that batching would bring."""

from __future__ import annotations

import time
from importlib import resources
from pathlib import Path

import numpy as np
import soundfile

from bench.face import SPEECH
from bench.face.streams import CHUNK_SECONDS
from bench.machine import percentile
from services.face.lipsync import DEFAULT_MODEL
from services.face.lipsync.lip_model import LipModel

SECONDS = 60
MAX_BYTES, MAX_FACTOR, MAX_STEP = 2e6, 0.02, 0.002
"""Bytes on disk, processor seconds a second of sound, seconds a step at its 99th of a hundred."""
ROWS = round(60 * CHUNK_SECONDS)
SIDE_BY_SIDE = (1, 4, 16)


def main() -> None:
    """Measure and print everything."""
    assets = Path(str(resources.files("services.face.lipsync"))) / "assets"
    size = sum(path.stat().st_size for path in assets.glob(f"{DEFAULT_MODEL}.*"))
    model = LipModel(DEFAULT_MODEL)
    factor, steps = whole(model), step(model)
    usual, slow = percentile(steps, 0.5), percentile(steps, 0.99)
    print(f"{DEFAULT_MODEL}: {size / 1e6:.2f} MB on disk (target {MAX_BYTES / 1e6:.0f})")
    print(f"  a whole clip takes {factor:.4f} of its length on one core (target {MAX_FACTOR})")
    chunk = f"{1e3 * CHUNK_SECONDS:.0f} ms of sound"
    print(f"  {chunk} take {1e3 * usual:.2f} ms, p99 {1e3 * slow:.2f} ms (target {1e3 * MAX_STEP:.0f})")
    alone, *batches = (network_seconds(model, count) for count in SIDE_BY_SIDE)
    batched = ", ".join(
        f"{count} at once {1e3 * each:.3f} ms" for count, each in zip(SIDE_BY_SIDE[1:], batches, strict=True)
    )
    saved = (alone - batches[-1]) / usual
    print(
        f"  of this the network takes {1e3 * alone:.3f} ms; {batched}: batching streams would save {saved:.0%} at most"
    )


def whole(model: LipModel) -> float:
    """Return the processor seconds for a second of a clip, the least of three."""
    sound, rate = soundfile.read(SPEECH, dtype="int16")
    sound = np.resize(sound, SECONDS * rate)
    taken = []
    for _ in range(3):
        begun = time.process_time()
        stream = model.open(rate)
        stream.push(sound)
        stream.end()
        taken.append(time.process_time() - begun)
    return min(taken) / SECONDS


def step(model: LipModel) -> list[float]:
    """Return the seconds that each chunk of a stream takes, in wall-clock time."""
    sound, rate = soundfile.read(SPEECH, dtype="int16")
    size = round(CHUNK_SECONDS * rate)
    stream, taken = model.open(rate), []
    for pcm in np.array_split(np.resize(sound, 600 * size), 600):
        begun = time.perf_counter()
        stream.push(pcm)
        taken.append(time.perf_counter() - begun)
    return taken[20:]


def network_seconds(model: LipModel, count: int) -> float:
    """Return the seconds of the network alone for a chunk of one of `count` streams that are answered together."""
    sizes = {"batch": count, "time": ROWS}
    inputs = {
        each.name: np.zeros([sizes.get(size, size) for size in each.shape], np.float32)
        for each in model._session.get_inputs()
    }
    taken = []
    for _ in range(100):
        begun = time.perf_counter()
        model._session.run(None, inputs)
        taken.append(time.perf_counter() - begun)
    return percentile(taken, 0.5) / count
