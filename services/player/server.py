"""The gRPC service of the player.

Threads: the event loop owns the streams (`performance`, `watching`), the player's thread (`pacer`), one for each output
(`venues`), everything that has a place in time, and PortAudio's thread only copies (`device`).
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from functools import partial
from typing import Any

import grpc

from neurosync.v1 import player_pb2 as pb
from neurosync.v1 import player_pb2_grpc
from services.common.errors import BadRequestError, InactiveError, UnavailableError
from services.common.wire import seconds_of
from services.player.audio.open_device import open_output, reopen_output
from services.player.audio.output_device import AudioOutput, JoiningOutput
from services.player.audio.portaudio import list_devices
from services.player.engine.engine import Sent
from services.player.engine.sound_outputs import Venues
from services.player.engine.status import device_message
from services.player.face_configuration import change_of, message_of, recordings_of
from services.player.settings import PlayerSettings
from services.player.stream.perform_stream import SLICE_SECONDS, Performance
from services.player.stream.validation import Intake, Part, config_of, subject_of, turn_id_of, whole
from services.player.stream.watch_frames import Watchers
from services.player.turns.played_turn import Event, TurnConfig

LONGEST_FADE_SECONDS = 1.0
READY_SECONDS = 10.0  # that an early call waits for the devices to open
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
        """Perform as the settings say; `opens` and `reopens` open the sound devices, or what stands in for them."""
        self._settings = settings
        self._venues = Venues(settings, opens=opens, reopens=reopens)
        self._watchers = Watchers(settings.max_watchers)
        self._ready = asyncio.Event()

    def register(self, server: grpc.aio.Server) -> None:
        """Add the handlers to a server."""
        player_pb2_grpc.add_PlayerServiceServicer_to_server(self, server)

    async def warm_up(self) -> None:
        """Open sockets and devices, and bring the first faces to life."""
        recordings = await asyncio.to_thread(recordings_of, self._settings)
        await asyncio.to_thread(self._venues.open, recordings)
        loop = asyncio.get_running_loop()

        def on_sent(frames: list[Sent]) -> None:
            if len(self._watchers):
                with contextlib.suppress(RuntimeError):  # the loop has closed: nobody watches
                    loop.call_soon_threadsafe(self._watchers.publish, frames)

        gc.collect()  # now, not once the face lives: it takes as long as two ticks
        gc.freeze()
        self._venues.start(on_sent)
        self._ready.set()

    async def close(self) -> None:
        """Fade out what is heard, tell its senders, and let devices and sockets go."""
        await self._venues.close()

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
        fade = seconds_of(request.fade) if request.HasField("fade") else STOP_FADE_SECONDS
        if not 0 <= fade <= LONGEST_FADE_SECONDS:
            raise BadRequestError("fade", f"{fade:g} s", f"0 to {LONGEST_FADE_SECONDS:g} s")
        target = request.WhichOneof("target")
        turn_id = turn_id_of(request.turn_id, "turn_id") if target == "turn_id" else ""
        subject = subject_of(request.subject, "subject") if target == "subject" else ""
        if not (turn_id or subject or request.everything):
            raise BadRequestError(target or "target", target, "a turn_id, a subject, or everything = true")
        venues = await self._alive()
        if turn_id:
            turns = await venues.stop_turn(turn_id, fade)
        elif subject:
            turns = await venues.stop_subject(subject, fade)
        else:
            turns = await venues.stop_everything(fade)
        return pb.StopResponse(
            turns=[
                pb.StoppedTurn(turn_id=turn.turn_id, subject=turn.subject, heard_sample_count=turn.heard)
                for turn in turns
            ]
        )

    async def GetStatus(self, request: pb.GetStatusRequest, context: Any) -> pb.GetStatusResponse:  # noqa: N802
        """Tell what the player is doing."""
        return await (await self._alive()).status()

    async def ConfigureSubject(  # noqa: N802
        self, request: pb.ConfigureSubjectRequest, context: Any
    ) -> pb.ConfigureSubjectResponse:
        """Set how a subject's face is scaled, lives and feels."""
        subject = subject_of(request.subject, "subject") if request.subject else self._settings.subjects[0]
        change = change_of(request.config)
        venue = (await self._alive()).of(subject)
        character = await venue.call(partial(venue.performer.configure, subject, change, reset=request.reset))
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
        venues = await self._alive()
        venue = venues.of(config.subject)
        await venues.admit(config.turn_id, venue)
        performance = Performance(venue.performer, venue.pacer, config, horizon=settings.horizon, arrived=arrived)
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

    async def _alive(self) -> Venues:
        """Return the venues, waiting for them to come to life."""
        try:
            async with asyncio.timeout(READY_SECONDS):
                await self._ready.wait()
        except TimeoutError as error:
            raise UnavailableError("the sound device has not opened yet") from error
        return self._venues


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
