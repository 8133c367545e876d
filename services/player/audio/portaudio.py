"""The sound device, through PortAudio: one stream, open for ever, fed silence between turns.

What the callback does is in `feed`. A stream that has ended (the device was pulled out, the sound server died) says so
by `lost`; it is let go, and another is opened once the device is there again (`seeking`).
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np

from services.common.errors import UnavailableError
from services.player.audio.ring_buffer import Tape
from services.player.audio.callback_source import CHANGE_SECONDS as CHANGE_SECONDS
from services.player.audio.callback_source import Feed
from services.player.timeline.priority import CALLBACK_PRIORITY, raise_priority, raise_sound_threads

logger = logging.getLogger(__name__)

USUAL_SAMPLE_RATE = 48_000  # Hz, without a device, and where a system names a rate only for want of a better one
ASKED_SHARE = 0.75  # of the wanted latency: PortAudio counts neither its block, a quarter of it, nor the sound server's
LOST_SECONDS = 2.5  # without a callback; some systems take a second to go on after an underrun
SETTLE_TIMEOUT_SECONDS = 5.0  # some systems take a second from the first callback to the next
LIBRARY_SECONDS = 5.0  # that listing or opening waits for another one
EPOCH_REPORTS = 64  # of which the one that was delivered soonest tells the offset between the two clocks

_library_lock = threading.Lock()
"""Held while devices are listed or opened: the library is begun anew only when nobody uses it."""
_streams: set[DeviceOutput] = set()
"""Those that the library holds open, also while they are being closed."""


@dataclass(frozen=True)
class Device:
    """One output device."""

    index: int
    name: str
    default_sample_rate: int
    channel_count: int
    default: bool


class DeviceOutput:
    """One device that plays."""

    kind = "device"
    message = ""

    def __init__(
        self, device: Device, *, sample_rate: int, latency: float | str, channels: int = 0, volume: float = 1.0
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
            self._feed = Feed(rate, rate=sample_rate or rate, channels=self._channels, volume=volume)
            try:
                self._open(device, rate, latency)
                break
            except _library().PortAudioError as refusal:
                error = error or refusal
        else:
            raise UnavailableError(f"cannot open the sound device {device.name!r}: {error}") from error
        self.sample_rate = self._feed.rate

    @property
    def margin(self) -> int:
        """One block that may be on its way, and the time that planning takes."""
        return self._feed.margin

    @property
    def underrun_count(self) -> int:
        """Times the device ran dry."""
        return self._feed.underrun_count

    @property
    def lost(self) -> bool:
        """True if the stream has ended, or no callback has come for `LOST_SECONDS`."""
        return self._ended or self._checked - self._called > LOST_SECONDS

    def start(self, tape: Tape | None) -> None:
        """Play `tape`, or silence until `join`, and wait until the device's clock has settled.

        Raises:
            UnavailableError: The device does not run.
        """
        if tape is not None:
            self._feed.attach(tape)
        try:
            self._stream.start()
        except _library().PortAudioError as error:
            self.close()
            raise UnavailableError(f"cannot start the sound device {self.name!r}: {error}") from error
        until = time.monotonic() + SETTLE_TIMEOUT_SECONDS
        while not self._feed.settled:
            if self._ended or time.monotonic() > until:
                self.close()
                raise UnavailableError(f"the sound device {self.name!r} takes no sound")
            time.sleep(0.02)
            self.update(time.monotonic())
        raise_sound_threads()

    def join(self, tape: Tape, position: float, now: float) -> None:
        """Play `tape` from now on, such that sample `position` is at the ear at monotonic time `now`."""
        self._feed.join(tape, position, now)

    def update(self, now: float) -> int:
        """Feed the clock with the callback's reports; return how many samples have been taken."""
        self._checked = now
        return self._feed.update()

    def time_of(self, sample: int) -> float:
        """Return when a sample is at the ear."""
        return self._feed.time_of(sample)

    def sample_at(self, now: float) -> int:
        """Return the sample at the ear."""
        return self._feed.sample_at(now)

    def close(self) -> None:
        """Let the device go, without waiting: a sound server that has died may never answer."""
        threading.Thread(target=self._close, name="close sound device", daemon=True).start()

    def _open(self, device: Device, rate: int, latency: float | str) -> None:
        with _library_to_oneself():
            self._stream = _library().RawOutputStream(
                samplerate=rate,
                device=device.index,
                channels=self._channels,
                dtype="int16",
                latency=latency if isinstance(latency, str) else ASKED_SHARE * latency,
                callback=self._callback,
                finished_callback=self._finish,
            )
            _streams.add(self)

    def _callback(self, out: Any, frames: int, timing: Any, status: Any) -> None:
        """Hand on the sound, and when it will be heard.

        Times of PortAudio have an epoch of their own, taken before Python's lock is: how far it lies from monotonic
        time is told best by the callback that waited least.
        """
        now = time.monotonic()
        if not self._epochs:
            raise_priority(CALLBACK_PRIORITY)
        self._epochs.append(now - timing.currentTime)
        at = timing.outputBufferDacTime + min(self._epochs)
        block = np.frombuffer(out, np.int16).reshape(frames, self._channels)
        block[:] = self._feed.take(frames, at, is_dry=bool(status.output_underflow))
        self._called = now

    def _finish(self) -> None:
        self._ended = True

    def _close(self) -> None:
        try:
            self._stream.close()
        except _library().PortAudioError as error:
            logger.debug("sound device closed badly name=%s reason=%s", self.name, error)
        _streams.discard(self)


def list_devices() -> list[Device]:
    """Return the output devices, the default first.

    Raises:
        UnavailableError: There is no sound library.
    """
    sounddevice = _library()
    with _library_to_oneself():
        default = sounddevice.default.device[1]
        names = [api["name"] for api in sounddevice.query_hostapis()]
        found = [device for device in sounddevice.query_devices() if device["max_output_channels"] > 0]
    devices = [
        Device(
            index=device["index"],
            name=device["name"],
            # For ALSA, PortAudio names the first rate that a device takes of a list that begins with 44 100.
            default_sample_rate=(
                USUAL_SAMPLE_RATE if names[device["hostapi"]] == "ALSA" else round(device["default_samplerate"])
            ),
            channel_count=device["max_output_channels"],
            default=device["index"] == default,
        )
        for device in found
    ]
    return sorted(devices, key=lambda device: not device.default)


def find_device(output: str) -> Device:
    """Return the device that the setting `output` means: `auto`, or a name or an index.

    Raises:
        UnavailableError: There is none.
    """
    devices = list_devices()
    if output == "auto":
        if not devices or not devices[0].default:
            raise UnavailableError("the system has no sound device")
        return devices[0]
    for device in devices:
        if output in (device.name, str(device.index)):
            return device
    names = ", ".join(f"{device.index}: {device.name}" for device in devices) or "none"
    raise UnavailableError(f"output: no sound device {output!r}; there are: {names}")


def look_again() -> None:
    """Let the library find devices that have come since it was begun; it can only while no stream is open."""
    sounddevice = _library()
    with _library_to_oneself():
        if not _streams:
            sounddevice._terminate()
            sounddevice._initialize()


@contextlib.contextmanager
def _library_to_oneself() -> Iterator[None]:
    """Hold `_library_lock`.

    Raises:
        UnavailableError: A device that does not answer holds it.
    """
    if not _library_lock.acquire(timeout=LIBRARY_SECONDS):
        raise UnavailableError("the sound library does not answer")
    try:
        yield
    finally:
        _library_lock.release()


def _library() -> ModuleType:
    """Return the sound library, imported at the first use: it needs PortAudio, which a machine may lack.

    Raises:
        UnavailableError: It is not there.
    """
    try:
        import sounddevice
    except (ImportError, OSError) as error:
        remedy = 'pip install "neurosync[player]", and on Linux apt-get install libportaudio2'
        raise UnavailableError(f"no sound library ({error}): {remedy}") from error
    library: ModuleType = sounddevice
    return library
