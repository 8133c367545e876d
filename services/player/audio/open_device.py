"""Opens the output device that a setting names: a sound device, none, or a file; and opens a lost device again."""

from __future__ import annotations

import logging
import time
from pathlib import Path

from services.common.errors import UnavailableError
from services.player.audio.file_device import FileDevice
from services.player.audio.null_device import NullDevice
from services.player.audio.output_device import OutputDevice
from services.player.audio.portaudio import PortAudioDevice
from services.player.audio.portaudio_library import USUAL_SAMPLE_RATE, find_device, rescan_devices

logger = logging.getLogger(__name__)

FILE_PREFIX = "file:"


def open_device(
    output: str, *, sample_rate: int, latency: float | str, channels: int = 0, volume: float = 1.0
) -> OutputDevice:
    """Return the device that the setting `output` names.

    Args:
        output: `auto`, `none`, the name or index of a device, or `file:` and the path of a WAV file.
        sample_rate: Hz; 0 takes the device's own.
        latency: Wanted seconds from writing to hearing, or PortAudio's `low` or `high`.
        channels: 1 or 2; 0 as the device has.
        volume: Factor.

    Raises:
        UnavailableError: The device was named and cannot be opened, or the file cannot be written.
    """
    rate = sample_rate or USUAL_SAMPLE_RATE
    if output == "none":
        return NullDevice(rate, origin=time.monotonic(), message="output is set to none")
    if output.startswith(FILE_PREFIX):
        return FileDevice(Path(output.removeprefix(FILE_PREFIX)), rate, origin=time.monotonic(), volume=volume)
    try:
        return PortAudioDevice(
            find_device(output), sample_rate=sample_rate, latency=latency, channels=channels, volume=volume
        )
    except UnavailableError as error:
        if output != "auto":
            raise
        logger.warning("no sound reason=%s", error)
        return NullDevice(rate, origin=time.monotonic(), message=str(error))


def reopen_device(
    output: str, *, sample_rate: int, latency: float | str, channels: int = 0, volume: float = 1.0
) -> PortAudioDevice:
    """Return a device that was lost, running and silent; arguments as `open_device`.

    Raises:
        UnavailableError: It is not back yet.
    """
    rescan_devices()
    device = PortAudioDevice(
        find_device(output), sample_rate=sample_rate, latency=latency, channels=channels, volume=volume
    )
    device.start(None)
    return device
