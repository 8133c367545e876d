"""Benchmark of the NeuroSync transformer against common implementations, on one thread.

Weights of the published size are drawn at random: speed and memory do not depend on their values, but deviations do.
Times are CPU time of the process, so that other processes distort them less; every ratio is of runs that alternate.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile
import torch
from torch import nn

from bench.face import SPEECH
from services.common.types import Floats
from services.face.neurosync import whole_clip
from services.face.neurosync.checkpoint import load
from services.face.neurosync.network import Network, Sizes
from services.face.neurosync.packing import pack
from services.face.neurosync.runner import DirectRunner
from services.face.neurosync.sound_preparation import SAMPLE_RATE, at_model_rate, normalised
from services.face.neurosync.spectral_features import HOP, LAGS, WINDOW, FeatureExtractor, paired

ALLOWED_BYTES = 300e6
"""Memory besides one copy of the weights, torch itself included."""


def main(path: Path) -> None:
    """Measure and print everything; the random checkpoint is written to `path`."""
    torch.set_num_threads(1)
    rows = features()
    make(path)
    memory(path)
    networks(path, rows)


def make(path: Path) -> None:
    """Write a checkpoint of the published size."""
    torch.manual_seed(0)
    torch.save(Network(Sizes()).state_dict(), path)


def features() -> torch.Tensor:
    """Compare features of ten seconds of speech; return ours."""
    speech, rate = soundfile.read(SPEECH, dtype="float32")
    sound = normalised(at_model_rate(np.tile(speech, 3), rate))
    extractor = FeatureExtractor()
    usual, ours = alternate(3, lambda: librosa_rows(sound), lambda: extractor.rows(sound))
    apart = np.abs(librosa_rows(sound) - extractor.rows(sound).numpy()).max()
    print(
        f"features of {len(sound) / SAMPLE_RATE:.1f} s: librosa and np.correlate {usual:.2f} s, ours {ours:.3f} s of "
        f"CPU, {usual / ours:.1f} times less (target 4); they differ by {apart:.1e}"
    )
    return extractor.rows(sound)


def librosa_rows(sound: Floats) -> np.ndarray:
    """Return the same features with the obvious library calls."""
    import librosa  # type: ignore[import-not-found]

    mfcc = librosa.feature.mfcc(y=sound, sr=SAMPLE_RATE, n_mfcc=23, n_fft=WINDOW, hop_length=HOP)
    mfcc = (mfcc - mfcc.mean(axis=1, keepdims=True)) / (mfcc.std(axis=1, keepdims=True) + 1e-10)
    slopes = [librosa.feature.delta(mfcc), librosa.feature.delta(mfcc, order=2)]
    padded = np.pad(sound, HOP, mode="reflect")
    tone = np.zeros((LAGS, mfcc.shape[1]))
    for column in range(mfcc.shape[1]):
        window = padded[column * HOP : column * HOP + WINDOW]
        window = (window - window.mean()) * np.hanning(WINDOW)
        lags = np.correlate(window, window, mode="full")[WINDOW - 1 : WINDOW + LAGS]
        tone[:, column] = lags[1:] / lags[0] if lags[0] else 0.0
    return paired(torch.from_numpy(np.concatenate([mfcc, *slopes, tone]).T)).numpy()


def networks(path: Path, rows: torch.Tensor) -> None:
    """Compare implementations of the network over ten seconds."""
    count = -(-len(rows) // whole_clip.STEP)
    exact = full_precision(path, rows, count)
    for precision in ("bf16", "fp16"):
        lower_precision(precision, DirectRunner(load(path, precision=precision)), rows, exact, count)
    with warnings.catch_warnings():  # deprecated in torch
        warnings.simplefilter("ignore")
        int8 = torch.ao.quantization.quantize_dynamic(load(path), {nn.Linear}, dtype=torch.qint8)
        lower_precision("int8 (dynamic; not offered by the service)", DirectRunner(int8), rows, exact, count)


def full_precision(path: Path, rows: torch.Tensor, count: int) -> Floats:
    """Compare one window at a time with batches of packed weights; return the frames of the former."""
    plain, packed = load(path), load(path)
    with torch.inference_mode():
        pack(packed)
    singly, together = DirectRunner(plain), DirectRunner(packed)
    singly.batch = 1
    one, batched = alternate(3, lambda: whole_clip.animate(singly, rows), lambda: whole_clip.animate(together, rows))
    exact = whole_clip.animate(singly, rows)
    apart = np.abs(whole_clip.animate(together, rows) - exact)[:, :61].max()
    print(
        f"fp32, {len(rows)} rows in {count} windows: one at a time {one / count:.3f} s a window, "
        f"batches of {together.batch} of packed weights {batched / count:.3f} s, "
        f"{one / batched:.2f} times less (target 1.3); "
        f"curves differ by {apart:.1e}"
    )
    together.batch = 1
    few = rows[:200]
    one, batched = alternate(3, lambda: whole_clip.animate(singly, few), lambda: whole_clip.animate(together, few))
    print(f"  of this, by packing alone: {one / batched:.2f}")
    return exact


def lower_precision(name: str, runner: DirectRunner, rows: torch.Tensor, exact: Floats, count: int) -> None:
    """Print time and deviation of a lower precision."""
    whole_clip.animate(runner, rows[:1])
    begun = time.process_time()
    given = whole_clip.animate(runner, rows)
    seconds = time.process_time() - begun
    moving = exact.std(axis=0) > 0
    share = np.sqrt(np.square(given - exact).mean(axis=0))[moving] / exact.std(axis=0)[moving]
    print(
        f"{name}: {seconds / count:.3f} s a window; deviation from fp32, as a share of each output's own: "
        f"median {np.median(share):.1%}, largest {share.max():.1%}"
    )


def memory(path: Path) -> None:
    """Measure, in a process of its own, the peak of loading the network and animating ten seconds."""
    script = "import sys; from pathlib import Path; from bench.face.checkpoint import peak; peak(Path(sys.argv[1]))"
    subprocess.run([sys.executable, "-c", script, str(path)], check=True, timeout=600)


def peak(path: Path) -> None:
    """Load, pack and run, and print the peak."""
    torch.set_num_threads(1)
    bare = high_water()
    network = load(path)
    weights = sum(parameter.numel() * parameter.element_size() for parameter in network.parameters())
    with torch.inference_mode():
        pack(network)
    whole_clip.animate(DirectRunner(network), torch.zeros(600, 256))
    most = high_water()
    print(
        f"memory: weights {weights / 1e6:.0f} MB, peak {most / 1e6:.0f} MB: {(most - weights) / 1e6:.0f} MB besides "
        f"one copy (target {ALLOWED_BYTES / 1e6:.0f}), of which {bare / 1e6:.0f} MB are Python, torch and numpy"
    )


def high_water() -> int:
    """Return the most bytes that this process has held so far; Linux only (`resource` counts the parent's as well)."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM"))


def alternate(times: int, first: Callable[[], object], second: Callable[[], object]) -> tuple[float, float]:
    """Return the median CPU seconds of two functions, run alternately after one run each that is not counted."""
    seconds: tuple[list[float], list[float]] = ([], [])
    for turn in range(times + 1):
        for taken, function in zip(seconds, (first, second), strict=True):
            begun = time.process_time()
            function()
            if turn:
                taken.append(time.process_time() - begun)
    return statistics.median(seconds[0]), statistics.median(seconds[1])
