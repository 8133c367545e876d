"""From settings to an output: the device, none, or a file; and back to the device after it was lost."""

from __future__ import annotations

import logging
import time
from pathlib import Path

from services.common.errors import UnavailableError
from services.player.audio.file_device import FileOutput
from services.player.audio.output_device import AudioOutput, NoOutput
from services.player.audio.portaudio import USUAL_SAMPLE_RATE, DeviceOutput, find_device, look_again

logger = logging.getLogger(__name__)

FILE_PREFIX = "file:"


def open_output(
    output: str, *, sample_rate: int, latency: float | str, channels: int = 0, volume: float = 1.0
) -> AudioOutput:
    """Return the output that the setting `output` means.

    Args:
        output: `auto`, `none`, the name or index of a device, or `file:` and the path of a WAV file.
        sample_rate: Hz; 0 takes the device's own.
        latency: Wanted seconds from writing to hearing, or PortAudio's `low` or `high`.
        channels: 1 or 2; 0 as the device has.
        volume: Factor.

    Raises:
        UnavailableError: The device was named and cannot be had, or the file cannot be written.
    """
    rate = sample_rate or USUAL_SAMPLE_RATE
    if output == "none":
        return NoOutput(rate, origin=time.monotonic(), message="output is set to none")
    if output.startswith(FILE_PREFIX):
        return FileOutput(Path(output.removeprefix(FILE_PREFIX)), rate, origin=time.monotonic(), volume=volume)
    try:
        return DeviceOutput(
            find_device(output), sample_rate=sample_rate, latency=latency, channels=channels, volume=volume
        )
    except UnavailableError as error:
        if output != "auto":
            raise
        logger.warning("no sound reason=%s", error)
        return NoOutput(rate, origin=time.monotonic(), message=str(error))


def reopen_output(
    output: str, *, sample_rate: int, latency: float | str, channels: int = 0, volume: float = 1.0
) -> DeviceOutput:
    """Return a device that was lost, running and silent, as soon as it can be had; arguments as `open_output`.

    Raises:
        UnavailableError: It is not back yet.
    """
    look_again()
    device = DeviceOutput(
        find_device(output), sample_rate=sample_rate, latency=latency, channels=channels, volume=volume
    )
    device.start(None)
    return device
