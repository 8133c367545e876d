"""One audio stream being animated by the shipped network: resampling, features, the network's state, and flushes."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from services.common.types import FRAME_RATE, Floats, Pcm, Weights
from services.face.lipsync.log_mel import SAMPLE_RATE, LogMelStream
from services.face.lipsync.voice_motion import VoiceMotion
from services.face.sinc_resampler import SincResampler
from services.media.curves import CURVE_COUNT, clamp

EASE_FRAMES = 6
"""Frames over which the jump between a flushed ending and the frames that really followed is faded out (100 ms)."""

State = tuple[Floats, Floats, Floats]
"""The last input rows (1, kernel - 1, ROW), and two hidden states (1, 1, width)."""


class RecurrentNetwork(Protocol):
    """The part of `LipModel` that its streams use."""

    @property
    def delay(self) -> int:
        """Rows between a frame and the row whose output is that frame."""

    @property
    def upper_face(self) -> bool:
        """Whether brows, eyelid tension and head follow pitch and level of the voice."""

    @property
    def voicing(self) -> bool:
        """Whether the mouth opens for voiced sound only."""

    def look_ahead(self, rate: int) -> int:
        """Return the samples at `rate` that a frame waits for beyond its own time."""

    def begin(self) -> State:
        """Return the network's state after silence."""

    def run(self, rows: Floats, state: State) -> tuple[Weights, State]:
        """Map feature rows, shape (n, ROW), to frames (n, 61), and return the state after them as well."""


class LipStream:
    """A stream of a `LipModel`."""

    def __init__(self, model: RecurrentNetwork, sample_rate: int) -> None:
        """Start as if silence came before."""
        self._model = model
        self._rate = sample_rate
        self._resampler = SincResampler(sample_rate, SAMPLE_RATE)
        self._features = LogMelStream()
        self._voice_motion = (
            VoiceMotion(model.delay, upper_face=model.upper_face, voicing=model.voicing)
            if model.upper_face or model.voicing
            else None
        )
        self._state = model.begin()
        self._received = 0  # samples pushed, at the stream's rate
        self._next_row_frame = -model.delay  # the frame that the next row's output is
        self._returned = 0  # frames returned to the caller
        self._last: Weights = np.zeros(CURVE_COUNT, np.float32)  # the last of them
        self._jump: Weights | None = None  # from the real frame at a flushed ending to the one that was returned
        self._jumped_at = 0  # first frame after that ending

    @property
    def look_ahead(self) -> int:
        """Samples, at the stream's own rate, that a frame waits for beyond its own time."""
        return self._model.look_ahead(self._rate)

    def push(self, pcm: Pcm) -> Weights:
        """Take more audio and return the frames that are final now."""
        self._received += len(pcm)
        return self._unreturned(self._animate(pcm.astype(np.float32) / np.float32(32768)))

    def flush(self) -> Weights:
        """Return the frames of all audio so far as if silence followed; the stream goes on with its state unchanged."""
        twin = LipStream(self._model, self._rate)
        twin._resampler, twin._features = self._resampler.copy(), self._features.copy()
        twin._voice_motion = self._voice_motion and self._voice_motion.copy()
        twin._state, twin._next_row_frame, twin._received = self._state, self._next_row_frame, self._received
        twin._returned, twin._last = self._returned, self._last
        twin._jump, twin._jumped_at = self._jump, self._jumped_at
        frames = twin.end()
        self._returned, self._last = twin._returned, twin._last
        return frames

    def end(self) -> Weights:
        """Return the remaining frames; together with these, the stream returned ceil(60 * seconds)."""
        wanted = -(-self._received * FRAME_RATE // self._rate)
        silence = np.zeros(self.look_ahead + 2 * self._rate // FRAME_RATE, np.float32)
        first, frames = self._animate(silence)
        return self._unreturned((first, frames[: max(0, wanted - first)]))

    def _animate(self, sound: Floats) -> tuple[int, Weights]:
        """Return the frames that `sound` completes, and the index of the first of them, which may be negative."""
        first = self._next_row_frame
        parts = [np.zeros((0, CURVE_COUNT), np.float32)]
        for start in range(0, len(sound), self._rate):  # a second at a time limits the memory
            resampled = self._resampler.push(sound[start : start + self._rate])
            rows = self._features.push(resampled)
            if self._voice_motion:
                self._voice_motion.push(resampled)
            if len(rows):
                frames, self._state = self._model.run(rows, self._state)
                if self._voice_motion:
                    self._voice_motion.apply(frames)
                parts.append(frames)
                self._next_row_frame += len(rows)
        return first, np.concatenate(parts)

    def _unreturned(self, animated: tuple[int, Weights]) -> Weights:
        """Return the frames not returned before, eased in where a flush had to guess the ones before them."""
        first, frames = animated
        ending = self._returned - 1  # if it is among the frames again, `flush` had guessed it, and now it is final
        if first <= ending < first + len(frames) and ending >= 0:
            self._jump, self._jumped_at = self._last - frames[ending - first], self._returned
        fresh = frames[max(0, self._returned - first) :]
        if not len(fresh):
            return fresh
        if self._jump is not None:
            age = np.arange(self._returned, self._returned + len(fresh)) - self._jumped_at + 1
            left = np.maximum(0.0, 1 - age / EASE_FRAMES).astype(np.float32)
            fresh = clamp(fresh + left[:, None] * self._jump)
            self._jump = self._jump if left[-1] > 0 else None
        self._returned += len(fresh)
        self._last = fresh[-1]
        return fresh
