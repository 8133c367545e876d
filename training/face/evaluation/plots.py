"""Plots of the evaluation: the model's curves beside their targets, and the progress of a training."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np

from services.common.types import FRAME_RATE
from services.face.lipsync.lip_model import LipModel
from services.face.lipsync.log_mel import SAMPLE_RATE
from services.face.lipsync.pitch_level import PitchLevelStream
from services.media.curves import INDEX
from training.face.corpus.voices import Spoken
from training.face.evaluation import metrics
from training.face.targets.poses import CHANNELS

mpl.use("Agg")
from matplotlib import pyplot as plt

SHOWN = ("JawOpen", "MouthClose", "MouthPucker", "MouthStretch")
SENTENCES, SHORTEST_SECONDS, LONGEST_SECONDS = 5, 2.5, 4.5
TARGET, GIVEN, ABOVE, SOUND = "#b8b8b8", "#c0392b", "#1f5fa8", "#888888"


def sentences(model: LipModel, spoken: Sequence[Spoken], path: Path) -> None:
    """Draw five sentences: waveform, four curves beside their targets, and brows and head beside the pitch.

    Args:
        model: that animates.
        spoken: sentences to choose from; the first of middling length are taken.
        path: of the PNG.
    """
    fitting = [s for s in spoken if SHORTEST_SECONDS < len(s.sound) / s.rate < LONGEST_SECONDS][:SENTENCES]
    rows = 2 + len(SHOWN)
    figure, axes = plt.subplots(
        rows, len(fitting), figsize=(4.2 * len(fitting), 1.15 * rows), sharex="col", squeeze=False
    )
    for column, sentence in enumerate(fitting):
        _sentence(axes[:, column], model, sentence)
        for axis in axes[:, column]:
            axis.tick_params(labelsize=6, length=2)
            axis.spines[["top", "right"]].set_visible(False)
    for row, name in enumerate(("sound", *SHOWN, "prosody")):
        axes[row, 0].set_ylabel(name, fontsize=7)
    figure.tight_layout(pad=0.4)
    figure.savefig(path, dpi=70)
    plt.close(figure)


def _sentence(axes: Sequence[plt.Axes], model: LipModel, sentence: Spoken) -> None:
    """Draw one column."""
    sound = metrics.at_16k(sentence)
    frames = metrics.animate(model, metrics.pcm_of(sound), SAMPLE_RATE)
    wanted, times = metrics.target(sentence, len(frames)), np.arange(len(frames)) / FRAME_RATE
    axes[0].plot(np.arange(len(sound)) / SAMPLE_RATE, sound, color=SOUND, linewidth=0.3)
    for segment in sentence.segments:
        if segment.phone != "SIL":
            axes[0].text((segment.start + segment.end) / 2, 0.95, segment.phone, fontsize=4, ha="center", va="top",
                         transform=axes[0].get_xaxis_transform())  # fmt: skip
    for axis, name in zip(axes[1:], SHOWN, strict=False):
        axis.fill_between(times, wanted[:, CHANNELS.index(name)], color=TARGET, linewidth=0)
        axis.plot(times, metrics.trained_curves(frames)[:, CHANNELS.index(name)], color=GIVEN, linewidth=0.9)
        axis.set_ylim(0, None)
    pitch = PitchLevelStream().push(sound).pitch[: len(frames)]
    octaves = np.where(pitch > 0, np.log2(np.maximum(pitch, 1) / 100), np.nan)
    axes[-1].plot(times[: len(pitch)], 0.15 * octaves, ".", color=TARGET, markersize=2)
    axes[-1].plot(times, frames[:, INDEX["BrowInnerUp"]], color=GIVEN, linewidth=0.9)
    axes[-1].plot(times, frames[:, INDEX["HeadPitch"]] * 2, color=ABOVE, linewidth=0.9)
    axes[-1].set_xlabel("s", fontsize=6)


def training(history: Sequence[dict[str, float]], path: Path) -> None:
    """Draw the loss of a training and its correlations on held-out sentences."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(8, 2.6))
    steps = [entry["step"] for entry in history]
    left.semilogy(steps, [entry["loss"] for entry in history], color=GIVEN)
    left.set_ylabel("loss")
    for name in ("mean", "JawOpen", "MouthClose", "MouthPucker"):
        right.plot(steps, [entry[name] for entry in history], label=name, linewidth=0.9)
    right.set_ylabel("r, held out")
    right.legend(fontsize=7)
    figure.tight_layout()
    figure.savefig(path, dpi=70)
    plt.close(figure)
