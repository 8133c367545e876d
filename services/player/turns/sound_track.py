"""The sound of one turn: samples at the sender's rate in, segments of device samples out.

Positions here are at the device's rate unless a name contains `turn`. A segment plays without a pause; sample 0 of the
turn lies on the segment's `origin` tick, or would, had the turn not paused before. So frame k belongs to tick
`origin + k`, in every segment.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from services.common.types import Pcm
from services.media.fade import PAUSE_FADE_SECONDS, apply_fade
from services.media.resampling import Resampler
from services.player.audio.ring_buffer import RingBuffer
from services.player.timeline.ticks import TICK_RATE, Ticks

Mix = npt.NDArray[np.float32]

REFILL_SECONDS = 0.06  # of sound that end a pause; more: fewer stutters, fewer: a shorter pause
LOUDNESS_AHEAD_SECONDS = 0.12  # by which the face follows the voice early; a nod is lowest 0.2 s after it begins
FULL_SCALE = 32768.0  # of int16
SLACK_SECONDS = 1.0  # kept beyond `max_ahead`: what the resampler holds back and what the device already has


@dataclass
class Segment:
    """Turn samples `first` to `end` at device samples `start` to `stop`."""

    origin: int
    """Tick of sample 0 of the turn."""
    base: int
    """Device sample of sample 0 of the turn."""
    first: int
    end: int
    """One past the last turn sample so far."""
    final: bool = False
    """True if the turn ends here: no ramp, the sound is as it was sent."""
    sealed: bool = False
    """True if the device took the end before more sound came: the turn pauses here."""

    @property
    def start(self) -> int:
        """First device sample."""
        return self.base + self.first

    @property
    def stop(self) -> int:
        """One past the last device sample."""
        return self.base + self.end


class SoundTrack:
    """One turn's sound, from the first sample sent to the last one heard."""

    def __init__(self, turn_rate: int, ticks: Ticks, *, max_ahead: float) -> None:
        """Make an empty track.

        Args:
            turn_rate: Hz of the sender's sound.
            ticks: Ticks of the device.
            max_ahead: Seconds of sound that are held ahead, at most.
        """
        self._ticks = ticks
        self._turn_rate = turn_rate
        self._resampler = Resampler(turn_rate, ticks.sample_rate)
        self._buffer = RingBuffer(math.ceil((max_ahead + SLACK_SECONDS) * ticks.sample_rate))
        self._joint = round(PAUSE_FADE_SECONDS * ticks.sample_rate)
        self._refill = round(REFILL_SECONDS * ticks.sample_rate)
        self._fade: tuple[int, int] | None = None
        self.received = 0
        """Samples that have come, at the turn's rate."""
        self.closed = False
        """True if no more will come."""
        self.segments: list[Segment] = []
        """The newest segments, oldest first."""

    @property
    def available(self) -> int:
        """Samples that can be played."""
        return self._buffer.end

    @property
    def stopped(self) -> bool:
        """True after `stop`."""
        return self._fade is not None

    @property
    def starved(self) -> bool:
        """True while the turn pauses because it ran out of sound."""
        return bool(self.segments) and self.segments[-1].sealed and not self.stopped

    @property
    def stop_sample(self) -> int | None:
        """One past the last device sample of the turn; None while that is open."""
        if self._fade:
            return self.segments[-1].stop if self.segments else self._fade[0]
        if self.segments and self.segments[-1].final:
            return self.segments[-1].stop
        return None

    def push(self, pcm: Pcm) -> None:
        """Add samples at the turn's rate."""
        self.received += len(pcm)
        self._buffer.write(self._buffer.end, self._resampler.push(pcm))

    def close(self) -> None:
        """End the sound: no more comes."""
        if not self.closed:
            self.closed = True
            self._buffer.write(self._buffer.end, self._resampler.end())

    def start(self, earliest: int) -> None:
        """Start on the first tick at or after device sample `earliest`."""
        self._open(earliest, 0)

    def extend(self, commit: int) -> bool:
        """Place the sound that has come since; return True if it has just run out.

        Args:
            commit: First device sample that can still be changed; what lies before has been taken by the device.
        """
        if self.stopped or not self.segments or self.segments[-1].final:
            return False
        segment = self.segments[-1]
        if segment.sealed:
            waiting = self.available - segment.end
            if waiting >= self._refill or self.closed:
                self._open(max(commit, segment.stop), segment.end)
            return False
        if commit > segment.stop - self._joint:  # the device has taken the ramp, or the end
            segment.sealed = True
            return True
        segment.end, segment.final = self.available, self.closed
        return False

    def stop(self, commit: int, fade: int) -> None:
        """Fade to silence over `fade` device samples from `commit` on."""
        self.segments = [segment for segment in self.segments if segment.start < commit]
        if not self.segments:
            self._fade = (commit, commit)
            return
        segment = self.segments[-1]
        if not segment.final and commit > segment.stop - self._joint:  # it pauses, or the ramp into a pause has begun
            self._fade = (segment.stop, segment.stop)
            return
        self._fade = (commit, commit + fade)
        segment.end = min(segment.end, commit + fade - segment.base)
        segment.final = True

    def mix_into(self, mix: Mix, at: int) -> bool:
        """Add the sound of device samples `at` to `at + len(mix)`; return whether there was any.

        `mix` has shape (n,), in units of int16.
        """
        is_heard = False
        for segment in self.segments:
            first, last = max(at, segment.start), min(at + len(mix), segment.stop)
            if first < last:
                sound = self._buffer.read(first - segment.base, last - first).astype(np.float32)
                self._ramp(sound, segment, first)
                mix[first - at : last - at] += sound
                is_heard = True
        return is_heard

    def loudness(self, sample: int) -> float:
        """Return how loud the voice is from device sample `sample` on: RMS of a tick, 0 to 1; 0 while it pauses.

        The level is that of a little later, as far as there is sound: a nod begins before its syllable.
        """
        segment = self.segment_at(sample)
        if segment is None:
            return 0.0
        count = self._ticks.sample_rate // TICK_RATE
        ahead = sample + round(LOUDNESS_AHEAD_SECONDS * self._ticks.sample_rate)
        sound = np.zeros(count, np.float32)
        self.mix_into(sound, max(sample, min(ahead, segment.stop - count)))
        return math.sqrt(float(np.einsum("s,s", sound, sound)) / count) / FULL_SCALE

    def segment_at(self, sample: int) -> Segment | None:
        """Return the segment that holds a device sample."""
        return next((segment for segment in self.segments if segment.start <= sample < segment.stop), None)

    def turn_samples(self, sample: int) -> int:
        """Return how many samples, at the turn's rate, have been played when device sample `sample` is next."""
        played = max((min(segment.end, sample - segment.base) for segment in self.segments), default=0)
        if self.closed and played >= self.available:
            return self.received
        return min(self.received, max(played, 0) * self._turn_rate // self._ticks.sample_rate)

    def forget(self, sample: int) -> None:
        """Drop segments that ended before device sample `sample`, except the last."""
        while len(self.segments) > 1 and self.segments[1].start <= sample:
            del self.segments[0]

    def _open(self, earliest: int, first: int) -> None:
        origin = self._ticks.next_tick(max(earliest - first, 0))
        base = self._ticks.sample(origin)
        self.segments.append(Segment(origin, base, first, self.available, final=self.closed))

    def _ramp(self, sound: Mix, segment: Segment, at: int) -> None:
        """Apply the ramps of pauses and of the stop to `sound`, which begins at device sample `at`."""
        if segment.first:
            apply_fade(sound, at - segment.start, self._joint, rising=True)
        if self._fade:
            begin, end = self._fade
            apply_fade(sound, at - begin, end - begin, rising=False)
        if not segment.final:
            apply_fade(sound, at - (segment.stop - self._joint), self._joint, rising=False)
