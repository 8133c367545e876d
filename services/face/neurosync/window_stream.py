"""Streaming inference: the network runs on overlapping windows while audio arrives, and their outputs are joined.

Every `hop` rows the newest 128 rows are run. The newest `look_ahead` frames of the output lack what follows them, so
they are held back; they only serve to cross-fade into what the next window gives for the same frames. Frames that were
returned are never revised.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np
import torch
from torch import Tensor

from services.common.types import FRAME_RATE, Floats, Pcm
from services.face.deferred_work import Work
from services.face.neurosync.network import WINDOW
from services.face.neurosync.runner import WindowRunner
from services.face.neurosync.running_features import RunningFeatures
from services.face.neurosync.sound_preparation import SAMPLE_RATE
from services.face.neurosync.spectral_features import SHORTEST, FeatureExtractor
from services.face.neurosync.whole_clip import padded
from services.face.sinc_resampler import SincResampler, reach

ROW_SAMPLES = SAMPLE_RATE // FRAME_RATE
MAX_FRAMES = WINDOW - 2
"""Limit of hop + 2 * look_ahead: a flush returns, from one window, all frames that were not returned before."""
BATCH = 4
"""Windows submitted at a time where much audio comes at once (0.5 MB); this limits the memory of the queue."""


@dataclass(frozen=True)
class WindowTiming:
    """How often windows are run, and how many frames at their end are held back; both in frames of 1/60 s."""

    hop: int = 12
    """Between windows. Larger: cheaper (60 / hop windows a second of audio), and frames come later, more at a time."""
    look_ahead: int = 12
    """Held back. Larger: frames come later, but account for more of what follows; smaller: mouths open late."""

    def __post_init__(self) -> None:
        """Check that a window always holds all frames that were not returned.

        Raises:
            ValueError: It would not, or too few rows are left for the features.
        """
        shortest = SHORTEST // ROW_SAMPLES
        if self.hop < shortest or self.look_ahead < shortest or self.hop + 2 * self.look_ahead > MAX_FRAMES:
            raise ValueError(
                f"expected hop and look_ahead of at least {shortest} and hop + 2 * look_ahead of at most {MAX_FRAMES}, "
                f"got {self.hop} and {self.look_ahead}"
            )

    def samples(self, rate: int) -> int:
        """Return the samples at `rate` that a frame waits for beyond its own time, at most."""
        resampling = 0 if rate == SAMPLE_RATE else reach(rate, SAMPLE_RATE) + 2
        return -(-(self.hop + self.look_ahead) * rate // FRAME_RATE) + resampling


class CrossfadeJoiner:
    """Joins the outputs of overlapping windows."""

    def __init__(self) -> None:
        self.returned = 0
        """Frames returned so far."""
        self._held_back: Floats | None = None  # the last window's output after the frames returned

    def join(self, answer: Floats, first: int, end: int) -> Floats:
        """Return the frames from `returned` to `end` of an output whose row 0 is frame `first`, shape (n, outputs)."""
        if end <= self.returned:
            return answer[:0]
        fresh = answer[self.returned - first : end - first].copy()
        if self._held_back is not None:
            count = min(len(self._held_back), len(fresh))
            share = (np.arange(1, count + 1, dtype=np.float32) / np.float32(count + 1))[:, None]  # of the new output
            fresh[:count] = (1 - share) * self._held_back[:count] + share * fresh[:count]
        self.returned, self._held_back = end, answer[end - first :]
        return fresh


@dataclass(frozen=True)
class FeatureWindow:
    """One window to be run."""

    rows: Tensor
    """Features, (at most WINDOW, inputs)."""
    end: int
    """Frame after the window's last."""
    final: int
    """Frame before which its output is returned."""


class WindowStream:
    """Raw frames, 61 curves and perhaps 7 emotions, of one audio stream. Not thread-safe."""

    def __init__(
        self, runner: WindowRunner, extractor: FeatureExtractor, sample_rate: int, timing: WindowTiming
    ) -> None:
        """Start as if silence came before.

        Args:
            runner: answers the windows.
            extractor: on the CPU.
            sample_rate: of the audio, hertz.
            timing: of the windows.
        """
        self._runner = runner
        self._rate = sample_rate
        self._timing = timing
        self._resampler = SincResampler(sample_rate, SAMPLE_RATE)
        self._features = RunningFeatures(extractor, sample_rate)
        self._joiner = CrossfadeJoiner()
        self._received = 0  # samples, at the stream's rate
        self._next = timing.hop  # row that the next window ends before
        self._requested = 0  # frame before which all were returned or are requested

    @property
    def look_ahead(self) -> int:
        """Samples, at the stream's own rate, that a frame waits for beyond its own time, at most."""
        return self._timing.samples(self._rate)

    def push(self, pcm: Pcm) -> Work[Floats]:
        """Take more audio; the work returns the frames that are final then, shape (n, outputs), all in percent."""
        self._received += len(pcm)
        self._features.push(self._resampler.push(pcm.astype(np.float32) / np.float32(32768)))
        return (yield from self._frames(self._due()))

    def flush(self) -> Work[Floats]:
        """Return the frames of all audio so far as if silence followed; the stream goes on with its state unchanged."""
        wanted = -(-self._received * FRAME_RATE // self._rate)
        if wanted <= self._requested:
            return np.empty((0, self._runner.outputs), np.float32)
        end = wanted + self._timing.look_ahead
        resampler, features = self._resampler.copy(), self._features.copy()
        missing = -(-end * self._rate // FRAME_RATE) - self._received + reach(self._rate, SAMPLE_RATE) + 2
        features.push(resampler.push(np.zeros(missing, np.float32)))
        self._requested = wanted
        window = FeatureWindow(features.window(end, self._features.columns), end, wanted)
        return (yield from self._frames(iter([window])))

    def _due(self) -> Iterator[FeatureWindow]:
        """Yield the windows that the audio so far completes, except those whose frames a flush has returned already."""
        while self._next <= self._features.columns // 2:
            end = self._next
            self._next += self._timing.hop
            if end - self._timing.look_ahead > self._requested:
                self._requested = end - self._timing.look_ahead
                yield FeatureWindow(self._features.window(end), end, self._requested)

    def _frames(self, windows: Iterator[FeatureWindow]) -> Work[Floats]:
        """Run windows in order and return the frames that they make final."""
        frames = [np.empty((0, self._runner.outputs), np.float32)]
        while batch := list(islice(windows, BATCH)):
            answers = yield self._runner.submit(torch.stack([padded(window.rows) for window in batch]))
            for window, answer in zip(batch, answers, strict=True):
                count = len(window.rows)
                frames.append(self._joiner.join(answer[:count], window.end - count, window.final))
        return np.concatenate(frames)
