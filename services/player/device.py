"""The sound device, through PortAudio: one stream, open for ever, fed silence between turns.

The callback copies what the player has rendered, counts, and reports the time; it decides nothing. It runs on a thread
of PortAudio and shares with the player's thread only the tape (the player writes ahead of what the callback reads),
single numbers, and a bounded deque of reports.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np

from services.errors import UnavailableError
from services.player.clock import DeviceClock
from services.player.output import AudioOutput, NoOutput
from services.player.tape import Tape

logger = logging.getLogger(__name__)

DEFAULT_SAMPLE_RATE = 48_000  # Hz, without a device
CHANGE_SECONDS = 0.004  # from planning a change to the device taking it; less: changes come too late on a busy machine
LOST_SECONDS = 2.5  # without a callback; some systems take a second to go on after an underrun
SETTLE_TIMEOUT_SECONDS = 5.0  # some systems take a second from the first callback to the next
_REPORTS = 512  # between two looks of the player's thread there are a few; more than this are old news


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

    def __init__(self, device: Device, *, sample_rate: int, latency: float | str) -> None:
        """Open the device.

        Args:
            device: Which.
            sample_rate: Hz; 0 takes the device's own.
            latency: Wanted seconds from writing to hearing, or PortAudio's `low` or `high`.

        Raises:
            UnavailableError: PortAudio cannot open it.
        """
        sounddevice = _library()
        self.name = device.name
        self.sample_rate = sample_rate or device.default_sample_rate
        self.underrun_count = 0
        self._channels = min(device.channel_count, 2)  # some systems refuse mono
        self._clock = DeviceClock(self.sample_rate)
        self._reports: deque[tuple[int, float]] = deque(maxlen=_REPORTS)
        self._tape: Tape | None = None
        self._taken = 0
        self._largest_block = 0
        self._called = time.monotonic()
        self._checked = self._called
        try:
            self._stream = sounddevice.RawOutputStream(
                samplerate=self.sample_rate,
                device=device.index,
                channels=self._channels,
                dtype="int16",
                latency=latency,
                callback=self._callback,
            )
        except sounddevice.PortAudioError as error:
            raise UnavailableError(f"cannot open the sound device {device.name!r}: {error}") from error

    @property
    def margin(self) -> int:
        """One block that may be on its way, and the time that planning takes."""
        return self._largest_block + round(CHANGE_SECONDS * self.sample_rate)

    @property
    def lost(self) -> bool:
        """True if no callback has come for `LOST_SECONDS`."""
        return self._checked - self._called > LOST_SECONDS

    def start(self, tape: Tape) -> None:
        """Play `tape`, and wait until the device's clock has settled.

        Raises:
            UnavailableError: The device does not run.
        """
        self._tape = tape
        try:
            self._stream.start()
        except _library().PortAudioError as error:
            raise UnavailableError(f"cannot start the sound device {self.name!r}: {error}") from error
        until = time.monotonic() + SETTLE_TIMEOUT_SECONDS
        while not self._clock.settled:
            if time.monotonic() > until:
                self.close()
                raise UnavailableError(f"the sound device {self.name!r} takes no sound")
            time.sleep(0.02)
            self.update(time.monotonic())

    def update(self, now: float) -> int:
        """Feed the clock with the callback's reports; return how many samples have been taken."""
        self._checked = now
        while self._reports:
            self._clock.observe(*self._reports.popleft())
        return self._taken

    def time_of(self, sample: int) -> float:
        """Return when a sample is at the ear."""
        return self._clock.time_of(sample)

    def sample_at(self, now: float) -> int:
        """Return the sample at the ear."""
        return self._clock.sample_at(now)

    def close(self) -> None:
        """Let the device go, without waiting: a sound server that has died may never answer."""
        threading.Thread(target=self._stream.close, name="close sound device", daemon=True).start()

    def _callback(self, out: Any, frames: int, timing: Any, status: Any) -> None:
        """Copy, count, report. Times of PortAudio may have any epoch: only their difference counts."""
        now = time.monotonic()
        tape = self._tape
        first = self._taken
        block = np.frombuffer(out, np.int16).reshape(frames, self._channels)
        if tape is None or not tape.end:
            block[:] = 0
        else:
            block[:] = tape.read(first, frames)[:, np.newaxis]  # silence where nothing was rendered
            self.underrun_count += first + frames > tape.end
        self._taken = first + frames
        self._largest_block = max(self._largest_block, frames)
        self._called = now
        self.underrun_count += bool(status.output_underflow)
        self._reports.append((first, now + (timing.outputBufferDacTime - timing.currentTime)))


def list_devices() -> list[Device]:
    """Return the output devices, the default first.

    Raises:
        UnavailableError: There is no sound library.
    """
    sounddevice = _library()
    default = sounddevice.default.device[1]
    devices = [
        Device(
            index=found["index"],
            name=found["name"],
            default_sample_rate=round(found["default_samplerate"]),
            channel_count=found["max_output_channels"],
            default=found["index"] == default,
        )
        for found in sounddevice.query_devices()
        if found["max_output_channels"] > 0
    ]
    return sorted(devices, key=lambda device: not device.default)


def open_output(output: str, *, sample_rate: int, latency: float | str) -> AudioOutput:
    """Return the output that the setting `output` means: `auto`, `none`, or a device's name or index.

    Raises:
        UnavailableError: The device was named and cannot be had.
    """
    if output == "none":
        return NoOutput(sample_rate or DEFAULT_SAMPLE_RATE, origin=time.monotonic(), message="output is set to none")
    try:
        return DeviceOutput(_find(output), sample_rate=sample_rate, latency=latency)
    except UnavailableError as error:
        if output != "auto":
            raise
        logger.warning("no sound reason=%s", error)
        return NoOutput(sample_rate or DEFAULT_SAMPLE_RATE, origin=time.monotonic(), message=str(error))


def _find(output: str) -> Device:
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
