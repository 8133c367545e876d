"""One Animate call without gRPC: numbers the turn's samples and frames around a model's stream, and applies the style.

A call that takes over in the middle of a turn may send up to a second of audio from before its first frame: this
context prepares the model and gives no frames.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from math import gcd

import numpy as np

from services.common.errors import BadRequestError
from services.common.types import FRAME_RATE, Pcm, Weights
from services.face.deferred_work import Work
from services.face.face_model import ClipModel, DeferredStream, EmotionEstimate, EstimatesEmotions, FaceModel
from services.face.style import Style, Stylist

PIECE_SECONDS = 1.0
"""Audio given to the model at a time; at most this much is still computed after a call was cancelled."""


class AnimationStream:
    """Audio of one call in, styled frames out."""

    def __init__(self, model: FaceModel, rate: int, style: Style, start_sample: int = 0, first_sample: int = 0) -> None:
        """Open a stream at a position of the turn.

        Args:
            model: that animates.
            rate: of the audio, hertz.
            style: of the motion.
            start_sample: the sample of the turn at which the first frame is.
            first_sample: of the audio that will be pushed; up to a second before `start_sample`.

        Raises:
            BadRequestError: The first frame is between two frames of the turn, or the context is negative or too long.
        """
        step = _check_position(rate, start_sample, first_sample)
        self._stream = model.open(rate)
        self._deferred = self._stream if isinstance(self._stream, DeferredStream) else None
        self._estimating = self._stream if isinstance(self._stream, EstimatesEmotions) else None
        self._stylist = Stylist(style)
        self._rate = rate
        self._piece = round(PIECE_SECONDS * rate)
        self._estimates: list[EmotionEstimate] = []
        self._start = start_sample
        self.next_sample = first_sample
        """Where the next chunk must start."""
        self.next_frame = start_sample * FRAME_RATE // rate
        """Index in the turn of the next frame."""
        self.is_flushed = True
        """Whether all audio so far has its frames: another flush gives none."""
        self.frame_count = 0
        """Frames returned."""
        self.compute = 0.0
        """Seconds spent in the model, and waiting for its device."""
        context = start_sample - first_sample
        lead = -context % step  # silence that makes the context a whole number of frames
        self._skip = (lead + context) * FRAME_RATE // rate
        self._lead: Pcm = np.zeros(lead, np.int16)
        self._offset = self.next_frame - self._skip  # of the turn's frames to the stream's

    @property
    def look_ahead(self) -> int:
        """Samples that a frame waits for beyond its own time."""
        return self._stream.look_ahead

    @property
    def computes_at_once(self) -> bool:
        """Whether the model waits for no device, so that a short step costs about as much as handing it to a thread."""
        return self._deferred is None

    @property
    def sample_count(self) -> int:
        """Samples received, context excluded."""
        return max(0, self.next_sample - self._start)

    def pieces(self, pcm: Pcm) -> list[Pcm]:
        """Return a chunk cut into pieces for `push`."""
        return [pcm[start : start + self._piece] for start in range(0, len(pcm), self._piece)]

    def push(self, pcm: Pcm) -> Work[Weights]:
        """Take more audio; the work returns the frames that are final now."""
        begun = time.perf_counter()
        self.next_sample += len(pcm)
        self.is_flushed = False
        if len(self._lead):
            pcm, self._lead = np.concatenate([self._lead, pcm]), self._lead[:0]
        frames = (yield from self._deferred.push_work(pcm)) if self._deferred else self._stream.push(pcm)
        return self._finish(frames, begun)

    def flush(self) -> Work[Weights]:
        """Return the work that returns the frames of all audio so far as if silence followed."""
        begun = time.perf_counter()
        self.is_flushed = True
        frames = (yield from self._deferred.flush_work()) if self._deferred else self._stream.flush()
        return self._finish(frames, begun)

    def end(self) -> Work[Weights]:
        """Return the work that returns the remaining frames."""
        begun = time.perf_counter()
        frames = (yield from self._deferred.end_work()) if self._deferred else self._stream.end()
        return self._finish(frames, begun)

    def animate_clip(self, model: ClipModel, pcm: Pcm) -> Iterator[Work[Weights]]:
        """Yield the work that returns the frames of a whole clip; used instead of `push` and `end`."""
        self.next_sample += len(pcm)
        self.is_flushed = False
        for part in model.animate_clip(pcm.astype(np.float32) / np.float32(32768), self._rate):
            yield self._clip_part(part)

    def _clip_part(self, part: Work[tuple[Weights, list[EmotionEstimate]]]) -> Work[Weights]:
        begun = time.perf_counter()
        frames, estimates = yield from part
        self._estimates += estimates
        return self._finish(frames, begun)

    def take_emotions(self) -> list[tuple[int, EmotionEstimate]]:
        """Return the estimates of the frames returned since the last call, each with the turn's sample it starts at."""
        if self._estimating:
            self._estimates += self._estimating.take_emotions()
        taken, self._estimates = self._estimates, []
        frames = (max(self._offset + estimate.frame, self._start * FRAME_RATE // self._rate) for estimate in taken)
        return [(frame * self._rate // FRAME_RATE, estimate) for frame, estimate in zip(frames, taken, strict=True)]

    def _finish(self, frames: Weights, begun: float) -> Weights:
        """Return styled frames without those of the context, and count them."""
        skipped = min(self._skip, len(frames))
        self._skip -= skipped
        frames = self._stylist.apply(frames)[skipped:]
        self.next_frame += len(frames)
        self.frame_count += len(frames)
        self.compute += time.perf_counter() - begun
        return frames


def _check_position(rate: int, start_sample: int, first_sample: int) -> int:
    """Check where a call starts in its turn; return the fewest samples that are whole frames at `rate`.

    Raises:
        BadRequestError: The first frame is between two frames of the turn, or the context is negative or too long.
    """
    step = rate // gcd(rate, FRAME_RATE)
    if start_sample < 0 or start_sample % step:
        raise BadRequestError("config.start_sample", start_sample, f"a multiple of {step}, whole frames at {rate} Hz")
    if not start_sample - rate <= first_sample <= start_sample or first_sample < 0:
        wanted = f"{max(0, start_sample - rate)} to {start_sample} (at most a second of context)"
        raise BadRequestError("config.first_audio_sample", first_sample, wanted)
    return step
