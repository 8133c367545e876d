"""One Animate call without the wire: the turn's sample numbers in, the turn's frame numbers out.

A stream that takes over in the middle of a turn starts before its first frame: the sound in between is
context and gives no frames.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from math import gcd

import numpy as np

from services.common.errors import BadRequestError
from services.common.types import FRAME_RATE, Pcm, Weights
from services.face.deferred_work import Work
from services.face.face_model import AnimatesClips, EmotionReading, FaceModel, HearsEmotions, TakesTurns
from services.face.style import Style, Stylist

PIECE_SECONDS = 1.0
"""Of sound given to the model at a time; what a cancelled call still computes at most."""


class Animation:
    """Counts samples and frames of one call, and gives the frames its style."""

    def __init__(self, model: FaceModel, rate: int, style: Style, start_sample: int = 0, first_sample: int = 0) -> None:
        """Place the call in its turn.

        Args:
            model: that animates.
            rate: of the sound, hertz.
            style: of the motion.
            start_sample: that the first frame belongs to.
            first_sample: of the sound that will come; up to a second before `start_sample`.

        Raises:
            BadRequestError: The first frame is between two frames of the turn, or the context is negative or too long.
        """
        step = rate // gcd(rate, FRAME_RATE)  # the fewest samples that are whole frames
        if start_sample < 0 or start_sample % step:
            raise BadRequestError(
                "config.start_sample", start_sample, f"a multiple of {step}, whole frames at {rate} Hz"
            )
        if not start_sample - rate <= first_sample <= start_sample or first_sample < 0:
            wanted = f"{max(0, start_sample - rate)} to {start_sample} (at most a second of context)"
            raise BadRequestError("config.first_audio_sample", first_sample, wanted)
        self._stream = model.open(rate)
        self._turns = self._stream if isinstance(self._stream, TakesTurns) else None
        self._hearing = self._stream if isinstance(self._stream, HearsEmotions) else None
        self._stylist = Stylist(style)
        self._rate = rate
        self._piece = round(PIECE_SECONDS * rate)
        self._readings: list[EmotionReading] = []
        self._start = start_sample
        self.next_sample = first_sample
        """Where the next chunk must start."""
        self.next_frame = start_sample * FRAME_RATE // rate
        """Index in the turn of the next frame."""
        self.is_flushed = True
        """Whether all sound so far has its frames: another flush gives none."""
        self.frame_count = 0
        """Frames given."""
        self.compute = 0.0
        """Seconds spent in the model, and in line for it."""
        context = start_sample - first_sample
        lead = -context % step  # silence that puts the context on the grid of frames
        self._skip = (lead + context) * FRAME_RATE // rate
        self._lead: Pcm = np.zeros(lead, np.int16)
        self._offset = self.next_frame - self._skip  # of the turn's frames to the stream's

    @property
    def look_ahead(self) -> int:
        """Samples that a frame waits for beyond its own time."""
        return self._stream.look_ahead

    @property
    def is_quick(self) -> bool:
        """Whether a step costs the processor about what handing it to a thread does, and waits for nothing."""
        return self._turns is None

    @property
    def sample_count(self) -> int:
        """Samples received, context excluded."""
        return max(0, self.next_sample - self._start)

    def pieces(self, pcm: Pcm) -> list[Pcm]:
        """Return a chunk cut into pieces for `push`."""
        return [pcm[start : start + self._piece] for start in range(0, len(pcm), self._piece)]

    def push(self, pcm: Pcm) -> Work[Weights]:
        """Return the work that gives the frames that more sound makes certain."""
        begun = time.perf_counter()
        self.next_sample += len(pcm)
        self.is_flushed = False
        if len(self._lead):
            pcm, self._lead = np.concatenate([self._lead, pcm]), self._lead[:0]
        frames = (yield from self._turns.pushing(pcm)) if self._turns else self._stream.push(pcm)
        return self._counted(frames, begun)

    def flush(self) -> Work[Weights]:
        """Return the work that gives the frames of all sound so far as if silence followed."""
        begun = time.perf_counter()
        self.is_flushed = True
        frames = (yield from self._turns.flushing()) if self._turns else self._stream.flush()
        return self._counted(frames, begun)

    def end(self) -> Work[Weights]:
        """Return the work that gives the frames that are left."""
        begun = time.perf_counter()
        frames = (yield from self._turns.ending()) if self._turns else self._stream.end()
        return self._counted(frames, begun)

    def whole(self, model: AnimatesClips, pcm: Pcm) -> Iterator[Work[Weights]]:
        """Yield the work that gives the frames of a sound that is known to its end, instead of pushing it."""
        self.next_sample += len(pcm)
        self.is_flushed = False
        for part in model.whole(pcm.astype(np.float32) / np.float32(32768), self._rate):
            yield self._part(part)

    def _part(self, part: Work[tuple[Weights, list[EmotionReading]]]) -> Work[Weights]:
        begun = time.perf_counter()
        frames, readings = yield from part
        self._readings += readings
        return self._counted(frames, begun)

    def emotions(self) -> list[tuple[int, EmotionReading]]:
        """Return what was heard in the frames given since the last call, each with the sample of the turn it is for."""
        if self._hearing:
            self._readings += self._hearing.take_emotions()
        taken, self._readings = self._readings, []
        frames = (max(self._offset + reading.frame, self._start * FRAME_RATE // self._rate) for reading in taken)
        return [(frame * self._rate // FRAME_RATE, reading) for frame, reading in zip(frames, taken, strict=True)]

    def _counted(self, frames: Weights, begun: float) -> Weights:
        skipped = min(self._skip, len(frames))
        self._skip -= skipped
        frames = self._stylist.apply(frames)[skipped:]
        self.next_frame += len(frames)
        self.frame_count += len(frames)
        self.compute += time.perf_counter() - begun
        return frames
