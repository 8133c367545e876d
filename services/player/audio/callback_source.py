"""The source that a device's callback pulls samples from: it copies from a ring buffer, counts, and reports the time.

The callback runs on a thread of the sound library. It shares with the player's thread only the ring buffer (the player
writes ahead of what the callback reads), single references, and a bounded deque of reports; it takes no lock.

Positions are samples of the ring buffer, except where a name contains `device`: a device that refuses the player's rate
gets its samples through a `RateConverter`.
"""

from __future__ import annotations

import math
from collections import deque

import numpy as np
import numpy.typing as npt

from services.common.types import Pcm
from services.player.audio.rate_conversion import RateConverter
from services.player.audio.ring_buffer import RingBuffer
from services.player.timeline.clock import DeviceClock

CHANGE_SECONDS = 0.003  # from planning a change to the device taking it; less: changes come too late on a busy machine
RAMP_SECONDS = 0.01  # of the first sound after a silence; longer is softer, shorter clicks
REPORTS = 512  # held; there are a few between two steps of the player's thread, and the oldest are dropped


class CallbackSource:
    """The samples of one device stream, from a ring buffer once one is attached, and the clock of the device."""

    def __init__(self, device_rate: int, *, rate: int, channels: int = 1, volume: float = 1.0) -> None:
        """Serve a device with silence until a ring buffer is attached.

        Args:
            device_rate: Hz of the device.
            rate: Hz of the ring buffer.
            channels: Of the device; each gets the same sound.
            volume: Factor; 1 leaves the sound as it is.
        """
        self.rate = rate
        self.underrun_count = 0
        self._channels = channels
        self._volume = volume
        self._clock = DeviceClock(device_rate)
        self._converter = None if device_rate == rate else RateConverter(rate, device_rate)
        self._ramp = round(RAMP_SECONDS * device_rate)
        self._attached: tuple[RingBuffer, int, int] | None = None
        """The ring buffer, its sample at which device sample 0 lies, and the device sample at which the ramp begins."""
        self._base = 0
        self._device_taken = 0
        self._largest_block = 0
        self._reports: deque[tuple[int, float, bool]] = deque(maxlen=REPORTS)

    @property
    def locked(self) -> bool:
        """True once the clock follows the device's reports of time."""
        return self._clock.locked

    @property
    def margin(self) -> int:
        """One block that may be on its way, and the time that planning takes."""
        return math.ceil(self._buffer_position(self._largest_block)) + round(CHANGE_SECONDS * self.rate)

    def attach(self, buffer: RingBuffer, *, base: int = 0) -> None:
        """Play `buffer` from now on; device sample 0 lies, or lay, at sample `base` of it."""
        self._base = base
        self._attached = (buffer, base, self._device_taken if base else -self._ramp)

    def join(self, buffer: RingBuffer, position: float, now: float) -> None:
        """Play `buffer` from now on, such that `position` is at the ear at monotonic time `now`."""
        self.attach(buffer, base=round(position - self._buffer_position(self._clock.position_at(now))))

    def take(self, frames: int, at: float, *, is_dry: bool = False) -> npt.NDArray[np.int16]:
        """Return what the device plays next; called by the device's callback.

        Args:
            frames: How many device samples.
            at: When the first of them will be at the ear, in seconds of monotonic time.
            is_dry: True if the device reports that it ran dry before.

        Returns:
            Shape (frames, channels).
        """
        first, attached = self._device_taken, self._attached
        self.underrun_count += is_dry
        pcm: Pcm = np.zeros(frames, np.int16)
        if attached is not None and attached[0].end:
            buffer, base, ramp_begin = attached
            pcm = self._read(buffer, base, first, frames)
            self.underrun_count += base + self._buffer_end(first + frames) > buffer.end
            if first - ramp_begin < self._ramp:
                phase = np.clip((np.arange(first, first + frames) - ramp_begin) / self._ramp, 0, 1)
                pcm = (pcm * phase).astype(np.int16)
        self._device_taken = first + frames
        self._largest_block = max(self._largest_block, frames)
        self._reports.append((first, at, is_dry))
        return np.repeat(pcm[:, np.newaxis], self._channels, axis=1)

    def update(self) -> int:
        """Pass the callback's reports to the clock; return how many samples of the ring buffer have been taken."""
        while self._reports:
            sample, at, is_dry = self._reports.popleft()
            self._clock.observe(sample, at, is_dry=is_dry)
        return self._base + self._buffer_end(self._device_taken)

    def time_of(self, sample: int) -> float:
        """Return when a sample is at the ear, in seconds of monotonic time."""
        return self._clock.time_of(self._device_position(sample - self._base))

    def sample_at(self, now: float) -> int:
        """Return the last sample at the ear at monotonic time `now`."""
        return self._base + math.floor(self._buffer_position(self._clock.position_at(now)) + 1e-3)

    def _read(self, buffer: RingBuffer, base: int, first: int, count: int) -> Pcm:
        """Return device samples at their volume; unchanged at volume 1 and the player's own rate."""
        if self._converter is None and self._volume == 1:
            return buffer.read(base + first, count)
        if self._converter is None:
            sound = buffer.read(base + first, count) * np.float32(self._volume)
        else:
            sound = self._converter.read(buffer, base, first, count) * np.float32(self._volume)
        return np.asarray(np.clip(np.rint(sound), -32768, 32767), np.int16)

    def _buffer_end(self, device_sample: int) -> int:
        return device_sample if self._converter is None else self._converter.end(device_sample)

    def _buffer_position(self, device_position: float) -> float:
        return device_position if self._converter is None else self._converter.position(device_position)

    def _device_position(self, position: float) -> float:
        return position if self._converter is None else self._converter.sample(position)
