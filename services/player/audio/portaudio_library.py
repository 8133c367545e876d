"""The PortAudio library, shared by all streams of the process: loaded at first use, its devices listed and found."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from types import ModuleType

from services.common.errors import UnavailableError

USUAL_SAMPLE_RATE = 48_000  # Hz, without a device, and where a system names a rate only for want of a better one
LIBRARY_SECONDS = 5.0  # that listing or opening waits for another one

open_streams: set[object] = set()
"""Streams that the library holds open, also while they are being closed."""
_library_lock = threading.Lock()
"""Held while devices are listed or opened: the library may be initialized again only while nobody uses it."""


@dataclass(frozen=True)
class DeviceInfo:
    """One output device of the system."""

    index: int
    name: str
    default_sample_rate: int
    channel_count: int
    default: bool


def list_devices() -> list[DeviceInfo]:
    """Return the output devices, the default first.

    Raises:
        UnavailableError: There is no sound library.
    """
    sounddevice = load_library()
    with exclusive_library():
        default = sounddevice.default.device[1]
        names = [api["name"] for api in sounddevice.query_hostapis()]
        found = [device for device in sounddevice.query_devices() if device["max_output_channels"] > 0]
    devices = [
        DeviceInfo(
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


def find_device(output: str) -> DeviceInfo:
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


def rescan_devices() -> None:
    """Initialize the library again, so that it finds devices that are new; only possible while no stream is open."""
    sounddevice = load_library()
    with exclusive_library():
        if not open_streams:
            sounddevice._terminate()
            sounddevice._initialize()


@contextlib.contextmanager
def exclusive_library() -> Iterator[None]:
    """Keep other threads from listing or opening devices until the block ends.

    Raises:
        UnavailableError: A device that does not answer holds the library.
    """
    if not _library_lock.acquire(timeout=LIBRARY_SECONDS):
        raise UnavailableError("the sound library does not answer")
    try:
        yield
    finally:
        _library_lock.release()


def load_library() -> ModuleType:
    """Return the sound library, imported at the first use: it needs PortAudio, which a machine may lack.

    Raises:
        UnavailableError: It is not installed.
    """
    try:
        import sounddevice
    except (ImportError, OSError) as error:
        remedy = 'pip install "neurosync[player]", and on Linux apt-get install libportaudio2'
        raise UnavailableError(f"no sound library ({error}): {remedy}") from error
    library: ModuleType = sounddevice
    return library
