"""The NeuroSync checkpoint as a face model: streams that share one network, and whole clips as the published model.

model = NeuroSyncModel(Path("model.pth"), device="cuda", precision="bf16")
stream = model.open(24_000)
frames = [stream.push(pcm) for pcm in chunks] + [stream.end()]
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import numpy as np
import torch

from services.common.errors import ConfigurationError
from services.common.types import FRAME_RATE, Floats, Pcm, Weights
from services.face.deferred_work import ANSWER_SECONDS, Work, run_work
from services.face.face_model import EmotionEstimate, ModelDescription
from services.face.neurosync import whole_clip
from services.face.neurosync.batcher import Batcher
from services.face.neurosync.checkpoint import Precision, load
from services.face.neurosync.emotion_keys import EmotionKeys
from services.face.neurosync.network import WINDOW
from services.face.neurosync.packing import pack
from services.face.neurosync.runner import DirectRunner
from services.face.neurosync.sound_preparation import SAMPLE_RATE, at_model_rate, normalised
from services.face.neurosync.spectral_features import FEATURES, FeatureExtractor
from services.face.neurosync.window_stream import WindowStream, WindowTiming
from services.media.curves import CURVE_COUNT, CURVE_NAMES, clamp

NAME = "neurosync"
HOP_ON_CPU = 48
"""Frames between windows that one core just keeps up with: 0.8 s of audio, for about 0.7 s of computation."""
PROBES = 3
"""Passes that measure the device; the first also warms it up. More: ready seconds later on a slow core."""


class NeuroSyncModel:
    """A loaded checkpoint, and the thread that runs it."""

    def __init__(
        self,
        checkpoint: Path,
        *,
        device: Literal["auto", "cpu", "cuda"] = "auto",
        precision: Precision = "fp32",
        hop: int | None = None,
        look_ahead: int = WindowTiming.look_ahead,
    ) -> None:
        """Load a checkpoint.

        Args:
            checkpoint: `.pth` or `.safetensors`.
            device: auto takes CUDA where there is one.
            precision: to compute in.
            hop: frames between windows of a stream; None: what suits the device.
            look_ahead: frames that a stream holds back.

        Raises:
            ConfigurationError: There is no such device, the checkpoint is none, or a window cannot hold the frames.
        """
        cuda = torch.cuda.is_available()
        if device == "cuda" and not cuda:
            raise ConfigurationError("device: expected cpu or auto, got cuda, which torch does not find here")
        placed = "cuda" if cuda and device != "cpu" else "cpu"
        try:
            self._timing = WindowTiming(hop or (HOP_ON_CPU if placed == "cpu" else WindowTiming.hop), look_ahead)
        except ValueError as error:
            raise ConfigurationError(f"hop and look_ahead: {error}") from error
        network = load(checkpoint, precision=precision, device=placed)
        self._on_cpu = placed == "cpu"
        if self._on_cpu and precision == "fp32":
            pack(network)
        if not self._on_cpu:
            torch.set_num_threads(1)  # features of many streams in parallel; each is too small for several threads
        self._extractor = FeatureExtractor("cpu")
        self._batcher = Batcher(DirectRunner(network))
        self.description = ModelDescription(
            name=NAME,
            engine=f"torch/{placed.upper()}/{precision}",
            animated_curves=tuple(name for i, name in enumerate(CURVE_NAMES) if i not in whole_clip.UNTRAINED),
            sample_rate=SAMPLE_RATE,
            frame_rate=FRAME_RATE,
            look_ahead=self._timing.samples(SAMPLE_RATE),
            estimates_emotions=network.sizes.outputs > CURVE_COUNT,
        )

    def open(self, sample_rate: int) -> NeuroSyncStream:
        """Return a new stream for audio at `sample_rate` hertz."""
        return NeuroSyncStream(WindowStream(self._batcher, self._extractor, sample_rate, self._timing))

    @property
    def waiting(self) -> int:
        """Windows of audio that wait for the device."""
        return self._batcher.waiting

    def device_seconds(self) -> float:
        """Measure and return how long the device works for a second of one stream, when many share it."""
        count = 1 if self._on_cpu else self._batcher.batch  # a CPU is no faster for several
        windows = torch.zeros(count, WINDOW, FEATURES)
        taken = []
        for _ in range(PROBES):
            begun = time.perf_counter()
            self._batcher.submit(windows).result(ANSWER_SECONDS)
            taken.append(time.perf_counter() - begun)
        return min(taken) / count * FRAME_RATE / self._timing.hop

    def animate_clip(self, sound: Floats, sample_rate: int) -> Iterator[Work[tuple[Weights, list[EmotionEstimate]]]]:
        """Yield the work that returns a clip's frames exactly as the published model does, and its emotions, in order.

        Differences: values are clamped to the curves' legal range; frames beyond the end of the audio (one, where
        it is whole sixtieths of a second) are left out; below 83 ms of audio, where the published model gives
        nothing, frames are 0.

        Args:
            sound: float32, shape (n,).
            sample_rate: hertz.
        """
        keys = EmotionKeys()
        left = -(-len(sound) * FRAME_RATE // sample_rate)

        def part(raw: Work[Floats]) -> Work[tuple[Weights, list[EmotionEstimate]]]:
            nonlocal left
            frames = yield from raw
            legal = clamp(frames[:left, :CURVE_COUNT]), keys.of(frames[:left])
            left -= min(left, len(frames))
            return legal

        def rest() -> Work[tuple[Weights, list[EmotionEstimate]]]:
            yield from ()
            return np.zeros((left, CURVE_COUNT), np.float32), []

        rows = self._extractor.rows(normalised(at_model_rate(sound, sample_rate)))
        for raw in whole_clip.parts(self._batcher, rows):
            yield part(raw)
        if left:
            yield rest()

    def close(self) -> None:
        """End the thread."""
        self._batcher.close()


class NeuroSyncStream:
    """One audio stream being animated by a `NeuroSyncModel`."""

    def __init__(self, stream: WindowStream) -> None:
        """Wrap a stream of raw frames."""
        self._stream = stream
        self._keys = EmotionKeys()
        self._estimates: list[EmotionEstimate] = []

    @property
    def look_ahead(self) -> int:
        """Samples, at the stream's own rate, that a frame waits for beyond its own time."""
        return self._stream.look_ahead

    def push(self, pcm: Pcm) -> Weights:
        """Take more audio and return the frames that are final now."""
        return run_work(self.push_work(pcm))

    def flush(self) -> Weights:
        """Return the frames of all audio so far as if silence followed; the stream goes on with its state unchanged."""
        return run_work(self.flush_work())

    def end(self) -> Weights:
        """Return the remaining frames; together with these, the stream returned ceil(60 * seconds)."""
        return run_work(self.end_work())

    def push_work(self, pcm: Pcm) -> Work[Weights]:
        """Do `push`."""
        return self._legal((yield from self._stream.push(pcm)))

    def flush_work(self) -> Work[Weights]:
        """Do `flush`."""
        return self._legal((yield from self._stream.flush()))

    def end_work(self) -> Work[Weights]:
        """Do `end`: the remaining frames are those that a flush returns."""
        return self.flush_work()

    def take_emotions(self) -> list[EmotionEstimate]:
        """Return the estimates of the frames returned since the last call."""
        taken, self._estimates = self._estimates, []
        return taken

    def _legal(self, raw: Floats) -> Weights:
        self._estimates += self._keys.of(raw)
        return clamp(whole_clip.unscaled(raw)[:, :CURVE_COUNT])
