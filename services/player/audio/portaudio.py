"""A sound device through PortAudio: one stream that stays open, and plays silence between turns.

The callback takes its samples from a `CallbackSource`. When a stream ends (the device was pulled out, the sound server
died), `lost` becomes true; the device is then closed, and opened again once it is back (`reconnect`).
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from typing import Any

import numpy as np

from services.common.errors import UnavailableError
from services.common.scheduling import CALLBACK_PRIORITY, raise_priority, raise_sound_threads
from services.player.audio import portaudio_library as library
from services.player.audio.callback_source import CallbackSource
from services.player.audio.portaudio_library import USUAL_SAMPLE_RATE, DeviceInfo
from services.player.audio.ring_buffer import RingBuffer

logger = logging.getLogger(__name__)

ASKED_SHARE = 0.75  # of the wanted latency: PortAudio counts neither its block, a quarter of it, nor the sound server's
LOST_SECONDS = 2.5  # without a callback; some systems take a second to go on after an underrun
LOCK_TIMEOUT_SECONDS = 5.0  # for the clock; some systems take a second from the first callback to the next
EPOCH_REPORTS = 64  # of which the one that was delivered soonest gives the offset between the two clocks


class PortAudioDevice:
    """One sound device with an open stream."""

    kind = "device"
    message = ""

    def __init__(
        self, device: DeviceInfo, *, sample_rate: int, latency: float | str, channels: int = 0, volume: float = 1.0
    ) -> None:
        """Open the device.

        Args:
            device: Which.
            sample_rate: Hz of the player's sound; 0 takes the device's own. One that the device refuses is converted.
            latency: Wanted seconds from writing to hearing, or PortAudio's `low` or `high`.
            channels: 1 or 2; 0 takes two, or what the device has.
            volume: Factor, 1 leaves the sound as it is.

        Raises:
            UnavailableError: PortAudio cannot open it.
        """
        self.name = device.name
        self._ended = False
        self._epochs: deque[float] = deque(maxlen=EPOCH_REPORTS)
        self._channels = channels or min(device.channel_count, 2)  # some systems refuse mono
        self._called = self._checked = time.monotonic()
        wanted = sample_rate or device.default_sample_rate
        error: Exception | None = None
        for rate in dict.fromkeys((wanted, device.default_sample_rate, USUAL_SAMPLE_RATE)):
            self._source = CallbackSource(rate, rate=sample_rate or rate, channels=self._channels, volume=volume)
            try:
                self._open(device, rate, latency)
                break
            except library.load_library().PortAudioError as refusal:
                error = error or refusal
        else:
            raise UnavailableError(f"cannot open the sound device {device.name!r}: {error}") from error
        self.sample_rate = self._source.rate

    @property
    def margin(self) -> int:
        """One block that may be on its way, and the time that planning takes."""
        return self._source.margin

    @property
    def underrun_count(self) -> int:
        """Times the device ran dry."""
        return self._source.underrun_count

    @property
    def lost(self) -> bool:
        """True if the stream has ended, or no callback has come for `LOST_SECONDS`."""
        return self._ended or self._checked - self._called > LOST_SECONDS

    def start(self, buffer: RingBuffer | None) -> None:
        """Play `buffer`, or silence until `join`, and wait until the clock has locked to the device.

        Raises:
            UnavailableError: The device does not run.
        """
        if buffer is not None:
            self._source.attach(buffer)
        try:
            self._stream.start()
        except library.load_library().PortAudioError as error:
            self.close()
            raise UnavailableError(f"cannot start the sound device {self.name!r}: {error}") from error
        until = time.monotonic() + LOCK_TIMEOUT_SECONDS
        while not self._source.locked:
            if self._ended or time.monotonic() > until:
                self.close()
                raise UnavailableError(f"the sound device {self.name!r} takes no sound")
            time.sleep(0.02)
            self.update(time.monotonic())
        raise_sound_threads()

    def join(self, buffer: RingBuffer, position: float, now: float) -> None:
        """Play `buffer` from now on, such that sample `position` is at the ear at monotonic time `now`."""
        self._source.join(buffer, position, now)

    def update(self, now: float) -> int:
        """Pass the callback's reports to the clock; return how many samples have been taken."""
        self._checked = now
        return self._source.update()

    def time_of(self, sample: int) -> float:
        """Return when a sample is at the ear."""
        return self._source.time_of(sample)

    def sample_at(self, now: float) -> int:
        """Return the sample at the ear."""
        return self._source.sample_at(now)

    def close(self) -> None:
        """Close the stream on a thread, without waiting: a sound server that has died may never answer."""
        threading.Thread(target=self._close, name="close sound device", daemon=True).start()

    def _open(self, device: DeviceInfo, rate: int, latency: float | str) -> None:
        with library.exclusive_library():
            self._stream = library.load_library().RawOutputStream(
                samplerate=rate,
                device=device.index,
                channels=self._channels,
                dtype="int16",
                latency=latency if isinstance(latency, str) else ASKED_SHARE * latency,
                callback=self._callback,
                finished_callback=self._finish,
            )
            library.open_streams.add(self)

    def _callback(self, out: Any, frames: int, timing: Any, status: Any) -> None:
        """Copy the sound into the device's block, and report when it will be heard.

        PortAudio's times have an epoch of their own, and are taken before Python's lock is: the offset to monotonic
        time is that of the callback that waited least.
        """
        now = time.monotonic()
        if not self._epochs:
            raise_priority(CALLBACK_PRIORITY)
        self._epochs.append(now - timing.currentTime)
        at = timing.outputBufferDacTime + min(self._epochs)
        block = np.frombuffer(out, np.int16).reshape(frames, self._channels)
        block[:] = self._source.take(frames, at, is_dry=bool(status.output_underflow))
        self._called = now

    def _finish(self) -> None:
        self._ended = True

    def _close(self) -> None:
        try:
            self._stream.close()
        except library.load_library().PortAudioError as error:
            logger.debug("sound device closed with an error name=%s reason=%s", self.name, error)
        library.open_streams.discard(self)
