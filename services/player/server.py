"""The gRPC service of the player.

Threads: the event loop owns the streams (`performance`, `watching`), the player's thread (`pacer`) everything that has
a place in time, and PortAudio's thread only copies (`device`).
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import gc
import logging
import secrets
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from functools import partial
from typing import Any

import grpc

from neurosync.v1 import player_pb2 as pb
from neurosync.v1 import player_pb2_grpc
from services.errors import BadRequestError, InactiveError, UnavailableError
from services.player.configuring import change_of, character_of, message_of, recordings_of
from services.player.device import list_devices
from services.player.engine import Engine, Sent
from services.player.face import Recordings
from services.player.grid import TICK_RATE, Grid
from services.player.intake import Intake, Part, config_of, subject_of, turn_id_of, whole
from services.player.opening import open_output, reopen_output
from services.player.output import AudioOutput, JoiningOutput, NoOutput
from services.player.pacer import Pacer
from services.player.performance import SLICE_SECONDS, Performance
from services.player.performer import DEFAULT_FADE_SECONDS, Performer
from services.player.settings import PlayerSettings
from services.player.sinks import open_sinks
from services.player.status import device_message, status_of
from services.player.turn import Event, TurnConfig
from services.player.watching import Watchers
from services.wire import seconds_of

logger = logging.getLogger(__name__)

LONGEST_FADE_SECONDS = 1.0
READY_SECONDS = 10.0  # that an early call waits for the device to open
SILENCE_SECONDS = 0.5  # that the end waits for the last fade; a device with more latency is cut
_FIELDS = {
    pb.PerformAccepted: "accepted",
    pb.PerformStarted: "started",
    pb.PerformPosition: "position",
    pb.PerformNotice: "notice",
    pb.PerformFinished: "finished",
}


class PlayerService(player_pb2_grpc.PlayerServiceServicer):
    """Performs turns and keeps the faces alive."""

    name = "neurosync.v1.PlayerService"

    def __init__(
        self,
        settings: PlayerSettings,
        *,
        opens: Callable[..., AudioOutput] = open_output,
        reopens: Callable[..., JoiningOutput] = reopen_output,
    ) -> None:
        """Perform as the settings say; `opens` and `reopens` open the sound device, or what stands in for one."""
        self._settings = settings
        device = {"latency": settings.latency, "channels": settings.channels, "volume": settings.volume}
        self._opens = functools.partial(opens, **device)
        self._reopens = functools.partial(reopens, **device)
        self._watchers = Watchers(settings.max_watchers)
        self._ready = asyncio.Event()
        self._output: AudioOutput | None = None
        self._running: tuple[Engine, Pacer] | None = None

    def register(self, server: grpc.aio.Server) -> None:
        """Add the handlers to a server."""
        player_pb2_grpc.add_PlayerServiceServicer_to_server(self, server)

    async def warm_up(self) -> None:
        """Open sockets and device, and bring the first faces to life."""
        settings = self._settings
        sinks = await asyncio.to_thread(open_sinks, settings.targets)
        try:
            recordings = await asyncio.to_thread(recordings_of, settings)
            performer, output = await asyncio.to_thread(self._open, recordings)
        except BaseException:
            for sink in sinks:
                sink.close()
            raise
        engine = Engine(
            performer,
            output,
            sinks,
            clock=time.monotonic,
            wall_offset=_wall_offset(),
            renderer_offset=settings.renderer_offset / 1000,
            reopen=self._reopening(output.sample_rate),
        )
        loop = asyncio.get_running_loop()

        def on_sent(frames: list[Sent]) -> None:
            if len(self._watchers):
                with contextlib.suppress(RuntimeError):  # the loop has closed: nobody watches
                    loop.call_soon_threadsafe(self._watchers.publish, frames)

        engine.on_sent = on_sent
        gc.collect()  # now, not once the face lives: it takes as long as two ticks
        gc.freeze()
        pacer = Pacer(engine)
        pacer.start()
        self._running = engine, pacer
        self._ready.set()
        logger.info("alive output=%s device=%s rate=%d", output.kind, output.name, output.sample_rate)

    async def close(self) -> None:
        """Fade out what is heard, tell its senders, and let device and sockets go."""
        if self._running is None:
            if self._output:
                self._output.close()
            return
        engine, pacer = self._running
        with contextlib.suppress(UnavailableError):  # the player's thread hangs: it is left behind
            silent_in = await pacer.call(_fade_out, engine, time.monotonic())
            await asyncio.sleep(min(silent_in, SILENCE_SECONDS))
        await pacer.close()

    async def Perform(  # noqa: N802 - the name of the RPC
        self, requests: AsyncIterator[pb.PerformRequest], context: Any
    ) -> AsyncIterator[pb.PerformResponse]:
        """Perform a turn while it is still being made."""
        arrived, config, rest = await self._first(aiter(requests))
        async with contextlib.aclosing(self._perform(config, _parts(rest), arrived)) as events:
            async for event in events:
                yield pb.PerformResponse(**_named(event))

    async def Play(  # noqa: N802
        self, request: pb.PlayRequest, context: Any
    ) -> AsyncIterator[pb.PlayResponse]:
        """Perform a whole small turn."""
        arrived = time.monotonic()
        config = config_of(request.config, self._settings.subjects[0])
        parts = _whole(request, config)
        async with contextlib.aclosing(self._perform(config, parts, arrived)) as events:
            async for event in events:
                yield pb.PlayResponse(**_named(event))

    async def Stop(self, request: pb.StopRequest, context: Any) -> pb.StopResponse:  # noqa: N802
        """Silence a turn, a subject or everything."""
        fade = seconds_of(request.fade) if request.HasField("fade") else DEFAULT_FADE_SECONDS
        if not 0 <= fade <= LONGEST_FADE_SECONDS:
            raise BadRequestError("fade", f"{fade:g} s", f"0 to {LONGEST_FADE_SECONDS:g} s")
        target = request.WhichOneof("target")
        turn_id = turn_id_of(request.turn_id, "turn_id") if target == "turn_id" else ""
        subject = subject_of(request.subject, "subject") if target == "subject" else ""
        if not (turn_id or subject or request.everything):
            raise BadRequestError(target or "target", target, "a turn_id, a subject, or everything = true")
        engine, pacer = await self._alive()
        if turn_id:
            turns = await pacer.call(engine.performer.stop_turn, turn_id, fade)
        elif subject:
            turns = await pacer.call(engine.performer.stop_subject, subject, fade)
        else:
            turns = await pacer.call(engine.performer.stop_everything, fade)
        return pb.StopResponse(
            turns=[
                pb.StoppedTurn(turn_id=turn.turn_id, subject=turn.subject, heard_sample_count=turn.heard)
                for turn in turns
            ]
        )

    async def GetStatus(self, request: pb.GetStatusRequest, context: Any) -> pb.GetStatusResponse:  # noqa: N802
        """Tell what the player is doing."""
        engine, pacer = await self._alive()
        return await pacer.call(status_of, engine, time.monotonic())

    async def ConfigureSubject(  # noqa: N802
        self, request: pb.ConfigureSubjectRequest, context: Any
    ) -> pb.ConfigureSubjectResponse:
        """Set how a subject's face is scaled, lives and feels."""
        subject = subject_of(request.subject, "subject") if request.subject else self._settings.subjects[0]
        change = change_of(request.config)
        engine, pacer = await self._alive()
        character = await pacer.call(partial(engine.performer.configure, subject, change, reset=request.reset))
        return pb.ConfigureSubjectResponse(config=message_of(character))

    async def ListAudioDevices(  # noqa: N802
        self, request: pb.ListAudioDevicesRequest, context: Any
    ) -> pb.ListAudioDevicesResponse:
        """List the output devices."""
        devices = await asyncio.to_thread(list_devices)
        return pb.ListAudioDevicesResponse(devices=[device_message(device) for device in devices])

    async def WatchFrames(  # noqa: N802
        self, request: pb.WatchFramesRequest, context: Any
    ) -> AsyncIterator[pb.WatchFramesResponse]:
        """Show the frames as they are sent."""
        subject = subject_of(request.subject, "subject") if request.subject else ""
        await self._alive()
        async with contextlib.aclosing(self._watchers.watch(subject)) as frames:
            async for frame in frames:
                yield frame

    async def _perform(
        self, config: TurnConfig, parts: AsyncIterator[Part], arrived: float
    ) -> AsyncGenerator[Event, None]:
        settings = self._settings
        engine, pacer = await self._alive()
        performance = Performance(engine.performer, pacer, config, horizon=settings.horizon, arrived=arrived)
        async with contextlib.aclosing(performance.events(parts, settings.inactivity)) as events:
            async for event in events:
                yield event

    async def _first(
        self, requests: AsyncIterator[pb.PerformRequest]
    ) -> tuple[float, TurnConfig, AsyncIterator[pb.PerformRequest]]:
        """Return when the config came, the config, and what follows it."""
        try:
            async with asyncio.timeout(self._settings.inactivity):
                first = await anext(requests, None)
        except TimeoutError as error:
            raise InactiveError(f"no config for {self._settings.inactivity:g} s") from error
        kind = first.WhichOneof("part") if first else None
        if first is None or kind != "config":
            raise BadRequestError(kind or "part", kind, "config, the first message of all")
        return time.monotonic(), config_of(first.config, self._settings.subjects[0]), requests

    async def _alive(self) -> tuple[Engine, Pacer]:
        """Return the player, waiting for it to come to life."""
        try:
            async with asyncio.timeout(READY_SECONDS):
                await self._ready.wait()
        except TimeoutError as error:
            raise UnavailableError("the sound device has not opened yet") from error
        assert self._running is not None
        return self._running

    def _reopening(self, sample_rate: int) -> Callable[[], JoiningOutput] | None:
        """Return what opens the device again, for a player of `sample_rate` Hz, if the settings want one."""
        if self._settings.output == "none":
            return None
        return functools.partial(self._reopens, self._settings.output, sample_rate=sample_rate)

    def _open(self, recordings: Recordings) -> tuple[Performer, AudioOutput]:
        """Open the device; without one, and none named, a monotonic clock takes its place."""
        settings = self._settings
        output = self._opens(settings.output, sample_rate=settings.sample_rate)
        self._output = output
        performer = Performer(
            Grid(output.sample_rate),
            settings.subjects,
            seed=secrets.randbits(32) if settings.seed is None else settings.seed,
            max_subjects=max(settings.max_subjects, len(settings.subjects)),
            max_queued=settings.max_queued,
            character=character_of(settings),
            recordings=recordings,
        )
        try:
            output.start(performer.tape)
        except UnavailableError as error:
            if settings.output != "auto":
                raise
            logger.warning("no sound reason=%s", error)
            output = NoOutput(output.sample_rate, origin=time.monotonic(), message=str(error))
        return performer, output


async def _parts(requests: AsyncIterator[pb.PerformRequest]) -> AsyncIterator[Part]:
    intake = Intake()
    async for request in requests:
        for part in intake.parts(request):
            yield part


async def _whole(request: pb.PlayRequest, config: TurnConfig) -> AsyncIterator[Part]:
    for part in whole(request, config.sample_rate, SLICE_SECONDS):
        yield part


def _named(event: Event) -> dict[str, Any]:
    return {_FIELDS[type(event)]: event}


def _fade_out(engine: Engine, now: float) -> float:
    """Stop everything because of the shutdown; return in how many seconds all is silent and said."""
    turns = engine.performer.stop_everything(DEFAULT_FADE_SECONDS, pb.PERFORM_FINISH_REASON_SHUTDOWN)
    latency = engine.output.time_of(engine.performer.commit) - now
    return max(latency, 0) + DEFAULT_FADE_SECONDS + 3 / TICK_RATE if turns else 0.0


def _wall_offset() -> Any:
    """Return a function that tells the seconds from monotonic time to local time of day.

    The zone is that of the start: a change to or from summer time must not make the timecode jump.
    """
    zone = time.localtime().tm_gmtoff
    return lambda: time.time() - time.monotonic() + zone
