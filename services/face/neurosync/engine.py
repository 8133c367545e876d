"""The NeuroSync checkpoint as a face model: streams that share one network, and whole clips as it was published.

model = NeuroSyncModel(Path("model.pth"), device="cuda", precision="bf16")
stream = model.open(24_000)
frames = [stream.push(pcm) for pcm in chunks] + [stream.end()]
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import numpy as np
import torch

from services.errors import ConfigurationError
from services.face.engine import EmotionReading, ModelDescription, Pcm, Weights
from services.face.neurosync import clip
from services.face.neurosync.batcher import Batcher
from services.face.neurosync.checkpoint import Precision, load
from services.face.neurosync.emotions import EmotionKeys
from services.face.neurosync.features import FRAME_RATE, FeatureExtractor
from services.face.neurosync.packing import pack
from services.face.neurosync.runner import DirectRunner
from services.face.neurosync.sound import SAMPLE_RATE, Floats, at_model_rate, normalised
from services.face.neurosync.streaming import NetworkStream, Pace
from services.media.curves import CURVE_COUNT, CURVE_NAMES, clamp

NAME = "neurosync"
HOP_ON_CPU = 48
"""Frames between windows that one core keeps up with, barely: 0.8 s of sound, for about 0.7 s of work."""


class NeuroSyncModel:
    """A loaded checkpoint, and the thread that runs it."""

    def __init__(
        self,
        checkpoint: Path,
        *,
        device: Literal["auto", "cpu", "cuda"] = "auto",
        precision: Precision = "fp32",
        hop: int | None = None,
        look_ahead: int = Pace.look_ahead,
    ) -> None:
        """Load a checkpoint.

        Args:
            checkpoint: `.pth` or `.safetensors`.
            device: auto takes CUDA where there is one.
            precision: to compute in.
            hop: frames between windows of a stream; None: what suits the device.
            look_ahead: frames that a stream keeps back.

        Raises:
            ConfigurationError: There is no such device, the checkpoint is none, or a window cannot hold the frames.
        """
        cuda = torch.cuda.is_available()
        if device == "cuda" and not cuda:
            raise ConfigurationError("device: expected cpu or auto, got cuda, which torch does not find here")
        placed = "cuda" if cuda and device != "cpu" else "cpu"
        try:
            self._pace = Pace(hop or (HOP_ON_CPU if placed == "cpu" else Pace.hop), look_ahead)
        except ValueError as error:
            raise ConfigurationError(f"hop and look_ahead: {error}") from error
        network = load(checkpoint, precision=precision, device=placed)
        if placed == "cpu" and precision == "fp32":
            pack(network)
        self._extractor = FeatureExtractor("cpu")
        self._clip_extractor = FeatureExtractor(placed)
        self._batcher = Batcher(DirectRunner(network))
        self.description = ModelDescription(
            name=NAME,
            engine=f"torch/{placed.upper()}/{precision}",
            animated_curves=tuple(name for i, name in enumerate(CURVE_NAMES) if i not in clip.UNTAUGHT),
            sample_rate=SAMPLE_RATE,
            frame_rate=FRAME_RATE,
            look_ahead=self._pace.samples(SAMPLE_RATE),
            hears_emotions=network.sizes.outputs > CURVE_COUNT,
        )

    def open(self, sample_rate: int) -> NeuroSyncStream:
        """Return a new stream for sound at `sample_rate` hertz."""
        return NeuroSyncStream(NetworkStream(self._batcher, self._extractor, sample_rate, self._pace), sample_rate)

    def whole(self, sound: Floats, sample_rate: int) -> Iterator[tuple[Weights, list[EmotionReading]]]:
        """Yield the frames of a clip exactly as the published model makes them, and its emotions, in order.

        Differences: values are kept within the curves' legal range; frames beyond the end of the sound (one, where
        it is whole sixtieths of a second) are left out; below 83 ms of sound, where the published model gives
        nothing, frames are 0.

        Args:
            sound: float32, shape (n,).
            sample_rate: hertz.
        """
        keys = EmotionKeys()
        left = -(-len(sound) * FRAME_RATE // sample_rate)
        rows = self._clip_extractor.rows(normalised(at_model_rate(sound, sample_rate)))
        for frames in clip.parts(self._batcher, rows):
            yield clamp(frames[:left, :CURVE_COUNT]), keys.of(frames[:left])
            left -= min(left, len(frames))
        if left:
            yield np.zeros((left, CURVE_COUNT), np.float32), []

    def close(self) -> None:
        """End the thread."""
        self._batcher.close()


class NeuroSyncStream:
    """One sound being animated by a `NeuroSyncModel`."""

    def __init__(self, stream: NetworkStream, sample_rate: int) -> None:
        """Wrap raw frames."""
        self._stream = stream
        self._rate = sample_rate
        self._keys = EmotionKeys()
        self._readings: list[EmotionReading] = []

    @property
    def look_ahead(self) -> int:
        """Samples, at the stream's own rate, that a frame waits for beyond its own time."""
        return self._stream.look_ahead

    def push(self, pcm: Pcm) -> Weights:
        """Take more sound and return the frames that are certain now."""
        return self._legal(self._stream.push(pcm))

    def flush(self) -> Weights:
        """Return the frames of all sound so far as if silence followed; the stream goes on with what it has heard."""
        return self._legal(self._stream.flush())

    def end(self) -> Weights:
        """Return the frames that are left: with these, ceil(60 * seconds) were given."""
        return self.flush()

    def take_emotions(self) -> list[EmotionReading]:
        """Return the emotions of the frames given since the last call."""
        taken, self._readings = self._readings, []
        return taken

    def _legal(self, raw: Floats) -> Weights:
        self._readings += self._keys.of(raw)
        return clamp(clip.scaled(raw)[:, :CURVE_COUNT])
