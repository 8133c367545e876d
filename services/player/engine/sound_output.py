"""One sound output: its device and clock, its thread, and the characters that are heard there."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from functools import partial
from typing import TypeVar

from neurosync.v1 import outcome_pb2
from services.common.errors import UnavailableError
from services.media.fade import STOP_FADE_SECONDS
from services.player.audio.null_device import NullDevice
from services.player.audio.output_device import OutputDevice, ReopenedDevice
from services.player.engine.engine import Engine
from services.player.engine.output_assignment import OutputAssignment
from services.player.engine.performer import Performer
from services.player.face.composition import Recordings
from services.player.face_configuration import configuration_from_settings
from services.player.frame_outputs.registry import open_frame_outputs
from services.player.settings import PlayerSettings
from services.player.timeline.pacer import Pacer
from services.player.timeline.ticks import TICK_RATE, Ticks

logger = logging.getLogger(__name__)

MAX_FADE_OUT_SECONDS = 0.5  # that a shutdown waits for the last fade; a device with more latency is cut off

T = TypeVar("T")


class SoundOutput:
    """An open output with its engine and thread."""

    def __init__(self, assignment: OutputAssignment, engine: Engine) -> None:
        """Run `engine` once the thread is started, by `pacer.start`."""
        self.assignment = assignment
        self.engine = engine
        self.performer = engine.performer
        """Its characters and turns; only the output's thread may touch what they hold."""
        self.pacer = Pacer(engine)

    async def call(self, function: Callable[..., T], *arguments: object) -> T:
        """Return what `function(*arguments)` returns on the output's thread (see `Pacer.call`)."""
        return await self.pacer.call(function, *arguments)

    async def close(self) -> None:
        """Fade out what is heard, notify its senders, end the thread, and release device and sockets."""
        with contextlib.suppress(UnavailableError):  # the thread hangs: it is left behind
            silent_in = await self.call(_fade_out, self.engine, time.monotonic())
            await asyncio.sleep(min(silent_in, MAX_FADE_OUT_SECONDS))
        await self.pacer.close()


def open_sound_output(
    assignment: OutputAssignment,
    settings: PlayerSettings,
    recordings: Recordings,
    *,
    seed: int,
    open_device: Callable[..., OutputDevice],
    reopen_device: Callable[..., ReopenedDevice],
) -> SoundOutput:
    """Open the device and sockets of an output, and bring its first characters to life.

    Raises:
        UnavailableError: The device cannot be opened; the message names the setting.
        ConfigurationError: A target is wrong.
    """
    frame_outputs = open_frame_outputs(settings.targets)
    try:
        performer, device = _start_device(assignment, settings, recordings, seed=seed, open_device=open_device)
    except BaseException as error:
        for output in frame_outputs:
            output.close()
        if assignment.assigned and isinstance(error, UnavailableError):
            reason = str(error).removeprefix("output: ")  # the other setting
            raise UnavailableError(f"{assignment.setting}: {reason}") from error
        raise
    reopen = partial(reopen_device, assignment.output, sample_rate=device.sample_rate)
    engine = Engine(
        performer,
        device,
        frame_outputs,
        clock=time.monotonic,
        wall_offset=_wall_offset(),
        renderer_offset=settings.renderer_offset / 1000,
        reopen=None if assignment.output == "none" else reopen,
    )
    return SoundOutput(assignment, engine)


def _start_device(
    assignment: OutputAssignment,
    settings: PlayerSettings,
    recordings: Recordings,
    *,
    seed: int,
    open_device: Callable[..., OutputDevice],
) -> tuple[Performer, OutputDevice]:
    """Open and start the device; where it is `auto` and there is none, the system's clock takes its place."""
    device = open_device(assignment.output, sample_rate=settings.sample_rate)
    performer = Performer(
        Ticks(device.sample_rate),
        assignment.initial,
        seed=seed,
        max_characters=assignment.max_characters,
        max_queued=settings.max_queued,
        configuration=configuration_from_settings(settings),
        recordings=recordings,
    )
    try:
        device.start(performer.buffer)
    except UnavailableError as error:
        if assignment.output != "auto":
            raise
        logger.warning("no sound reason=%s", error)
        device = NullDevice(device.sample_rate, origin=time.monotonic(), message=str(error))
    return performer, device


def _fade_out(engine: Engine, now: float) -> float:
    """Stop all turns because of the shutdown; return the seconds until all is silent and their ends are reported."""
    turns = engine.performer.stop_everything(STOP_FADE_SECONDS, outcome_pb2.REASON_SHUTTING_DOWN)
    latency = engine.output.time_of(engine.performer.commit) - now
    return max(latency, 0) + STOP_FADE_SECONDS + 3 / TICK_RATE if turns else 0.0


def _wall_offset() -> Callable[[], float]:
    """Return a function that returns the seconds from monotonic time to local time of day.

    The zone is that of the start: a change to or from summer time must not make the timecode jump.
    """
    zone = time.localtime().tm_gmtoff
    return lambda: time.time() - time.monotonic() + zone
