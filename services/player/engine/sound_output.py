"""One output with all that it needs: the subjects that are heard there, a clock, a thread, and sockets of its own."""

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
from services.player.audio.output_device import AudioOutput, JoiningOutput, NoOutput
from services.player.engine.engine import Engine
from services.player.engine.output_assignment import Route
from services.player.engine.performer import Performer
from services.player.face.composition import Recordings
from services.player.face_configuration import character_of
from services.player.frame_outputs.livelink_udp import open_sinks
from services.player.settings import PlayerSettings
from services.player.timeline.pacer import Pacer
from services.player.timeline.ticks import TICK_RATE, Grid

logger = logging.getLogger(__name__)

SILENCE_SECONDS = 0.5  # that the end waits for the last fade; a device with more latency is cut

T = TypeVar("T")


class Venue:
    """One output that is open, and who performs there."""

    def __init__(self, route: Route, engine: Engine) -> None:
        """Perform on what `engine` holds once the thread is started, by `pacer.start`."""
        self.route = route
        self.engine = engine
        self.performer = engine.performer
        """Its subjects and turns; only the venue's thread may touch what they hold."""
        self.pacer = Pacer(engine)

    async def call(self, function: Callable[..., T], *arguments: object) -> T:
        """Return what `function(*arguments)` returns on the venue's thread (see `Pacer.call`)."""
        return await self.pacer.call(function, *arguments)

    async def close(self) -> None:
        """Fade out what is heard, tell its senders, end the thread, and let device and sockets go."""
        with contextlib.suppress(UnavailableError):  # the venue's thread hangs: it is left behind
            silent_in = await self.call(_fade_out, self.engine, time.monotonic())
            await asyncio.sleep(min(silent_in, SILENCE_SECONDS))
        await self.pacer.close()


def open_venue(
    route: Route,
    settings: PlayerSettings,
    recordings: Recordings,
    *,
    seed: int,
    opens: Callable[..., AudioOutput],
    reopens: Callable[..., JoiningOutput],
) -> Venue:
    """Open sockets and output of a venue, and bring its first faces to life.

    Raises:
        UnavailableError: The output cannot be had; names the subjects that were given it.
        ConfigurationError: A target is wrong.
    """
    sinks = open_sinks(settings.targets)
    try:
        performer, output = _open_output(route, settings, recordings, seed=seed, opens=opens)
    except BaseException as error:
        for sink in sinks:
            sink.close()
        if route.named and isinstance(error, UnavailableError):
            reason = str(error).removeprefix("output: ")  # the other setting
            raise UnavailableError(f"{route.setting}: {reason}") from error
        raise
    engine = Engine(
        performer,
        output,
        sinks,
        clock=time.monotonic,
        wall_offset=_wall_offset(),
        renderer_offset=settings.renderer_offset / 1000,
        reopen=None if route.output == "none" else partial(reopens, route.output, sample_rate=output.sample_rate),
    )
    return Venue(route, engine)


def _open_output(
    route: Route,
    settings: PlayerSettings,
    recordings: Recordings,
    *,
    seed: int,
    opens: Callable[..., AudioOutput],
) -> tuple[Performer, AudioOutput]:
    """Open the device; without one, and none named, a monotonic clock takes its place."""
    output = opens(route.output, sample_rate=settings.sample_rate)
    performer = Performer(
        Grid(output.sample_rate),
        route.alive,
        seed=seed,
        max_subjects=route.max_subjects,
        max_queued=settings.max_queued,
        character=character_of(settings),
        recordings=recordings,
    )
    try:
        output.start(performer.tape)
    except UnavailableError as error:
        if route.output != "auto":
            raise
        logger.warning("no sound reason=%s", error)
        output = NoOutput(output.sample_rate, origin=time.monotonic(), message=str(error))
    return performer, output


def _fade_out(engine: Engine, now: float) -> float:
    """Stop everything because of the shutdown; return in how many seconds all is silent and said."""
    turns = engine.performer.stop_everything(STOP_FADE_SECONDS, outcome_pb2.REASON_SHUTTING_DOWN)
    latency = engine.output.time_of(engine.performer.commit) - now
    return max(latency, 0) + STOP_FADE_SECONDS + 3 / TICK_RATE if turns else 0.0


def _wall_offset() -> Callable[[], float]:
    """Return a function that tells the seconds from monotonic time to local time of day.

    The zone is that of the start: a change to or from summer time must not make the timecode jump.
    """
    zone = time.localtime().tm_gmtoff
    return lambda: time.time() - time.monotonic() + zone
