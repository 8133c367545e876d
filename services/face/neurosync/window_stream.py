"""One sound animated while it is still being made: windows run again and again, their ends joined and never revised.

Every `hop` rows the newest 128 rows are answered. The newest `look_ahead` answers lack what follows them, so they are
kept back; they only serve to fade into what the next window says about the same frames.
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
from services.face.lipsync.sinc_resampler import Resampler, reach
from services.face.neurosync.network import WINDOW
from services.face.neurosync.runner import Runner
from services.face.neurosync.running_features import RunningFeatures
from services.face.neurosync.sound_preparation import SAMPLE_RATE
from services.face.neurosync.spectral_features import SHORTEST, FeatureExtractor
from services.face.neurosync.whole_clip import filled

ROW_SAMPLES = SAMPLE_RATE // FRAME_RATE
LONGEST = WINDOW - 2
"""Frames that a hop and twice the look-ahead may have: a flush answers, in one window, all that was not given."""
LOT = 4
"""Windows asked for at a time where much sound comes at once (0.5 MB); with all streams' lots, the line is bounded."""


@dataclass(frozen=True)
class Pace:
    """How often windows are run, and how much of their end is kept back; both in frames of 1/60 s."""

    hop: int = 12
    """Between windows. Larger: cheaper (60 / hop windows a second of sound), and frames come in later, larger lots."""
    look_ahead: int = 12
    """Kept back. Larger: frames come later, but know more of what follows; smaller: mouths open late."""

    def __post_init__(self) -> None:
        """Check that a window always holds all that was not sent.

        Raises:
            ValueError: It would not, or too few rows are left for the features.
        """
        shortest = SHORTEST // ROW_SAMPLES
        if self.hop < shortest or self.look_ahead < shortest or self.hop + 2 * self.look_ahead > LONGEST:
            raise ValueError(
                f"expected hop and look_ahead of at least {shortest} and hop + 2 * look_ahead of at most {LONGEST}, "
                f"got {self.hop} and {self.look_ahead}"
            )

    def samples(self, rate: int) -> int:
        """Return the samples at `rate` that a frame waits for beyond its own time, at most."""
        converting = 0 if rate == SAMPLE_RATE else reach(rate, SAMPLE_RATE) + 2
        return -(-(self.hop + self.look_ahead) * rate // FRAME_RATE) + converting


class Seam:
    """Joins the answers of windows that overlap."""

    def __init__(self) -> None:
        self.given = 0
        """Frames returned so far."""
        self._plan: Floats | None = None  # what the last answer given said of the frames after it

    def join(self, answer: Floats, first: int, end: int) -> Floats:
        """Return the frames from `given` to `end` of an answer whose row 0 is frame `first`, shape (n, outputs)."""
        if end <= self.given:
            return answer[:0]
        fresh = answer[self.given - first : end - first].copy()
        if self._plan is not None:
            count = min(len(self._plan), len(fresh))
            share = (np.arange(1, count + 1, dtype=np.float32) / np.float32(count + 1))[:, None]  # of the new answer
            fresh[:count] = (1 - share) * self._plan[:count] + share * fresh[:count]
        self.given, self._plan = end, answer[end - first :]
        return fresh


@dataclass(frozen=True)
class Job:
    """One window to be run."""

    rows: Tensor
    """Features, (at most WINDOW, inputs)."""
    end: int
    """Frame after the window's last."""
    certain: int
    """Frame before which its answer is given."""


class NetworkStream:
    """Raw frames, 61 curves and perhaps 7 emotions, of one sound. Not for several threads at once."""

    def __init__(self, runner: Runner, extractor: FeatureExtractor, sample_rate: int, pace: Pace) -> None:
        """Start with silence behind.

        Args:
            runner: answers the windows.
            extractor: on the CPU.
            sample_rate: of the sound, hertz.
            pace: see there.
        """
        self._runner = runner
        self._rate = sample_rate
        self._pace = pace
        self._resampler = Resampler(sample_rate, SAMPLE_RATE)
        self._features = RunningFeatures(extractor, sample_rate)
        self._seam = Seam()
        self._heard = 0  # samples, at the stream's rate
        self._next = pace.hop  # row that the next window ends before
        self._promised = 0  # frame before which all are given, or asked for

    @property
    def look_ahead(self) -> int:
        """Samples, at the stream's own rate, that a frame waits for beyond its own time, at most."""
        return self._pace.samples(self._rate)

    def push(self, pcm: Pcm) -> Work[Floats]:
        """Take more sound; the result are the frames that are certain then, shape (n, outputs), all in percent."""
        self._heard += len(pcm)
        self._features.push(self._resampler.push(pcm.astype(np.float32) / np.float32(32768)))
        return (yield from self._frames(self._due()))

    def flush(self) -> Work[Floats]:
        """Give the frames of all sound so far as if silence followed; the stream goes on with what it has heard."""
        wanted = -(-self._heard * FRAME_RATE // self._rate)
        if wanted <= self._promised:
            return np.empty((0, self._runner.outputs), np.float32)
        end = wanted + self._pace.look_ahead
        resampler, features = self._resampler.copy(), self._features.copy()
        missing = -(-end * self._rate // FRAME_RATE) - self._heard + reach(self._rate, SAMPLE_RATE) + 2
        features.push(resampler.push(np.zeros(missing, np.float32)))
        self._promised = wanted
        return (yield from self._frames(iter([Job(features.window(end, self._features.columns), end, wanted)])))

    def _due(self) -> Iterator[Job]:
        """Yield the windows that the sound so far completes; not those whose frames a flush has given already."""
        while self._next <= self._features.columns // 2:
            end = self._next
            self._next += self._pace.hop
            if end - self._pace.look_ahead > self._promised:
                self._promised = end - self._pace.look_ahead
                yield Job(self._features.window(end), end, self._promised)

    def _frames(self, jobs: Iterator[Job]) -> Work[Floats]:
        """Return the frames that windows, in order, make certain."""
        frames = [np.empty((0, self._runner.outputs), np.float32)]
        while lot := list(islice(jobs, LOT)):
            answers = yield self._runner.submit(torch.stack([filled(job.rows) for job in lot]))
            for job, answer in zip(lot, answers, strict=True):
                count = len(job.rows)
                frames.append(self._seam.join(answer[:count], job.end - count, job.certain))
        return np.concatenate(frames)
