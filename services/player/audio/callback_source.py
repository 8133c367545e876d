"""What a device's callback does, without the device: copy what was rendered, count, and report the time.

The callback runs on a thread of the sound library. It shares with the player's thread only the tape (the player writes
ahead of what the callback reads), single references, and a bounded deque of reports.

Positions are samples of the tape, except where a name says `device`: a device that refuses the player's rate is fed
through a `Conversion`.
"""

from __future__ import annotations

import math
from collections import deque

import numpy as np
import numpy.typing as npt

from services.common.types import Pcm
from services.player.audio.rate_conversion import Conversion
from services.player.audio.ring_buffer import Tape
from services.player.timeline.clock import DeviceClock

CHANGE_SECONDS = 0.003  # from planning a change to the device taking it; less: changes come too late on a busy machine
RAMP_SECONDS = 0.01  # of the first sound after a silence; longer is softer, shorter clicks
REPORTS = 512  # between two looks of the player's thread there are a few; more than this are old news


class Feed:
    """Feeds one stream of a device from a tape, once there is one, and knows when each sample is heard."""

    def __init__(self, device_rate: int, *, rate: int, channels: int = 1, volume: float = 1.0) -> None:
        """Feed a device of `device_rate` Hz and `channels` channels from a tape of `rate` Hz, `volume` times louder."""
        self.rate = rate
        self.underrun_count = 0
        self._channels = channels
        self._volume = volume
        self._clock = DeviceClock(device_rate)
        self._conversion = None if device_rate == rate else Conversion(rate, device_rate)
        self._ramp = round(RAMP_SECONDS * device_rate)
        self._source: tuple[Tape, int, int] | None = None  # the tape, where device sample 0 lies on it, ramp's begin
        self._base = 0
        self._device_taken = 0
        self._largest_block = 0
        self._reports: deque[tuple[int, float, bool]] = deque(maxlen=REPORTS)

    @property
    def settled(self) -> bool:
        """True once the device's reports of time are believed."""
        return self._clock.settled

    @property
    def margin(self) -> int:
        """One block that may be on its way, and the time that planning takes."""
        return math.ceil(self._tape_position(self._largest_block)) + round(CHANGE_SECONDS * self.rate)

    def attach(self, tape: Tape, *, base: int = 0) -> None:
        """Play `tape` from now on; device sample 0 lies, or lay, at sample `base` of it."""
        self._base = base
        self._source = (tape, base, self._device_taken if base else -self._ramp)

    def join(self, tape: Tape, position: float, now: float) -> None:
        """Play `tape` from now on, such that `position` is at the ear at monotonic time `now`."""
        self.attach(tape, base=round(position - self._tape_position(self._clock.position_at(now))))

    def take(self, frames: int, at: float, *, is_dry: bool = False) -> npt.NDArray[np.int16]:
        """Return what the device plays next: the callback.

        Args:
            frames: How many device samples.
            at: When the first of them will be at the ear, in seconds of monotonic time.
            is_dry: True if the device says that it ran dry before.

        Returns:
            Shape (frames, channels).
        """
        first, source = self._device_taken, self._source
        self.underrun_count += is_dry
        pcm: Pcm = np.zeros(frames, np.int16)
        if source is not None and source[0].end:
            tape, base, ramp_begin = source
            pcm = self._read(tape, base, first, frames)
            self.underrun_count += base + self._tape_end(first + frames) > tape.end
            if first - ramp_begin < self._ramp:
                phase = np.clip((np.arange(first, first + frames) - ramp_begin) / self._ramp, 0, 1)
                pcm = (pcm * phase).astype(np.int16)
        self._device_taken = first + frames
        self._largest_block = max(self._largest_block, frames)
        self._reports.append((first, at, is_dry))
        return np.repeat(pcm[:, np.newaxis], self._channels, axis=1)

    def update(self) -> int:
        """Feed the clock with the callback's reports; return how many samples of the tape have been taken."""
        while self._reports:
            sample, at, is_dry = self._reports.popleft()
            self._clock.observe(sample, at, is_dry=is_dry)
        return self._base + self._tape_end(self._device_taken)

    def time_of(self, sample: int) -> float:
        """Return when a sample is at the ear, in seconds of monotonic time."""
        return self._clock.time_of(self._device_position(sample - self._base))

    def sample_at(self, now: float) -> int:
        """Return the last sample at the ear at monotonic time `now`."""
        return self._base + math.floor(self._tape_position(self._clock.position_at(now)) + 1e-3)

    def _read(self, tape: Tape, base: int, first: int, count: int) -> Pcm:
        """Return device samples, as loud as they are to be; untouched at full volume and the player's own rate."""
        if self._conversion is None and self._volume == 1:
            return tape.read(base + first, count)
        if self._conversion is None:
            sound = tape.read(base + first, count) * np.float32(self._volume)
        else:
            sound = self._conversion.read(tape, base, first, count) * np.float32(self._volume)
        return np.asarray(np.clip(np.rint(sound), -32768, 32767), np.int16)

    def _tape_end(self, device_sample: int) -> int:
        return device_sample if self._conversion is None else self._conversion.end(device_sample)

    def _tape_position(self, device_position: float) -> float:
        return device_position if self._conversion is None else self._conversion.position(device_position)

    def _device_position(self, position: float) -> float:
        return position if self._conversion is None else self._conversion.sample(position)
