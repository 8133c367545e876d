"""The gRPC service of the player.

Threads: the event loop owns the streams (`stream`); the player's thread (`timeline.pacer`), one for each sound output
(`engine.sound_outputs`), owns everything that has a place in time; PortAudio's thread only copies (`audio.portaudio`).
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
from services.common.wire import check_subject, parse_turn_id, seconds_of
from services.media.fade import STOP_FADE_SECONDS
from services.player.audio.open_device import open_device, reopen_device
from services.player.audio.output_device import OutputDevice, ReopenedDevice
from services.player.audio.portaudio_library import list_devices
from services.player.engine.frame_sender import SentFrame
from services.player.engine.sound_outputs import SoundOutputs
from services.player.engine.status import device_message
from services.player.face_configuration import configuration_change, configuration_message, recordings_from_settings
from services.player.settings import PlayerSettings
from services.player.stream.parts import Part
from services.player.stream.perform_stream import SLICE_SECONDS, PerformStream
from services.player.stream.play_request import play_request_parts
from services.player.stream.validation import PartValidator, config_of
from services.player.stream.watch_frames import Watchers
from services.player.turns.turn_config import TurnConfig
from services.player.turns.turn_events import Event

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
    """Plays turns and keeps the faces alive."""

    name = "neurosync.v1.PlayerService"

    def __init__(
        self,
        settings: PlayerSettings,
        *,
        open_device: Callable[..., OutputDevice] = open_device,
        reopen_device: Callable[..., ReopenedDevice] = reopen_device,
    ) -> None:
        """Make the service; tests replace the functions that open sound devices."""
        self._settings = settings
        self._sound_outputs = SoundOutputs(settings, open_device=open_device, reopen_device=reopen_device)
        self._watchers = Watchers(settings.max_watchers)
        self._ready = asyncio.Event()

    def register(self, server: grpc.aio.Server) -> None:
        """Add the handlers to a server."""
        player_pb2_grpc.add_PlayerServiceServicer_to_server(self, server)

    async def warm_up(self) -> None:
        """Open sockets and devices, and bring the first characters to life."""
        recordings = await asyncio.to_thread(recordings_from_settings, self._settings)
        await asyncio.to_thread(self._sound_outputs.open, recordings)
        loop = asyncio.get_running_loop()

        def on_sent(frames: list[SentFrame]) -> None:
            if len(self._watchers):
                with contextlib.suppress(RuntimeError):  # the loop has closed: no watcher is left
                    loop.call_soon_threadsafe(self._watchers.publish, frames)

        gc.collect()  # now, not while the face lives: a full collection takes as long as two ticks
        gc.freeze()
        self._sound_outputs.start(on_sent)
        self._ready.set()

    async def close(self) -> None:
        """Fade out what is heard, notify its senders, and release devices and sockets."""
        await self._sound_outputs.close()

    async def Perform(  # noqa: N802 - the name of the RPC
        self, requests: AsyncIterator[pb.PerformRequest], context: Any
    ) -> AsyncIterator[pb.PerformResponse]:
        """Play a turn while it is still being made."""
        arrived, config, rest = await self._first(aiter(requests))
        async with contextlib.aclosing(self._perform(config, _parts(rest), arrived)) as events:
            async for event in events:
                yield pb.PerformResponse(**_named(event))

    async def Play(  # noqa: N802
        self, request: pb.PlayRequest, context: Any
    ) -> AsyncIterator[pb.PlayResponse]:
        """Play a whole small turn."""
        arrived = time.monotonic()
        config = config_of(request.config, self._settings.subjects[0])
        parts = _play_request_parts(request, config)
        async with contextlib.aclosing(self._perform(config, parts, arrived)) as events:
            async for event in events:
                yield pb.PlayResponse(**_named(event))

    async def Stop(self, request: pb.StopRequest, context: Any) -> pb.StopResponse:  # noqa: N802
        """Silence a turn, a character or everything."""
        fade = seconds_of(request.fade) if request.HasField("fade") else STOP_FADE_SECONDS
        if not 0 <= fade <= LONGEST_FADE_SECONDS:
            raise BadRequestError("fade", f"{fade:g} s", f"0 to {LONGEST_FADE_SECONDS:g} s")
        target = request.WhichOneof("target")
        turn_id = parse_turn_id(request.turn_id) if target == "turn_id" else ""
        character = check_subject("subject", request.subject) if target == "subject" else ""
        if not (turn_id or character or request.everything):
            raise BadRequestError(target or "target", target, "a turn_id, a subject, or everything = true")
        sound_outputs = await self._opened()
        if turn_id:
            turns = await sound_outputs.stop_turn(turn_id, fade)
        elif character:
            turns = await sound_outputs.stop_character(character, fade)
        else:
            turns = await sound_outputs.stop_everything(fade)
        return pb.StopResponse(
            turns=[
                pb.StoppedTurn(turn_id=turn.turn_id, subject=turn.character, heard_sample_count=turn.heard)
                for turn in turns
            ]
        )

    async def GetStatus(self, request: pb.GetStatusRequest, context: Any) -> pb.GetStatusResponse:  # noqa: N802
        """Return the state of the player."""
        return await (await self._opened()).status()

    async def ConfigureSubject(  # noqa: N802
        self, request: pb.ConfigureSubjectRequest, context: Any
    ) -> pb.ConfigureSubjectResponse:
        """Set the scaling, life and emotions of a character's face."""
        character = check_subject("subject", request.subject) if request.subject else self._settings.subjects[0]
        change = configuration_change(request.config)
        sound_output = (await self._opened()).of(character)
        configuration = await sound_output.call(
            partial(sound_output.performer.configure, character, change, reset=request.reset)
        )
        return pb.ConfigureSubjectResponse(config=configuration_message(configuration))

    async def ListAudioDevices(  # noqa: N802
        self, request: pb.ListAudioDevicesRequest, context: Any
    ) -> pb.ListAudioDevicesResponse:
        """List the output devices."""
        devices = await asyncio.to_thread(list_devices)
        return pb.ListAudioDevicesResponse(devices=[device_message(device) for device in devices])

    async def WatchFrames(  # noqa: N802
        self, request: pb.WatchFramesRequest, context: Any
    ) -> AsyncIterator[pb.WatchFramesResponse]:
        """Stream the frames as they are sent."""
        character = check_subject("subject", request.subject) if request.subject else ""
        await self._opened()
        async with contextlib.aclosing(self._watchers.watch(character)) as frames:
            async for frame in frames:
                yield frame

    async def _perform(
        self, config: TurnConfig, parts: AsyncIterator[Part], arrived: float
    ) -> AsyncGenerator[Event, None]:
        settings = self._settings
        sound_outputs = await self._opened()
        sound_output = sound_outputs.of(config.character)
        await sound_outputs.admit(config.turn_id, sound_output)
        stream = PerformStream(
            sound_output.performer, sound_output.pacer, config, max_ahead=settings.max_ahead, arrived=arrived
        )
        async with contextlib.aclosing(stream.events(parts, settings.inactivity)) as events:
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

    async def _opened(self) -> SoundOutputs:
        """Return the sound outputs, once they are open."""
        try:
            async with asyncio.timeout(READY_SECONDS):
                await self._ready.wait()
        except TimeoutError as error:
            raise UnavailableError("the sound device has not opened yet") from error
        return self._sound_outputs


async def _parts(requests: AsyncIterator[pb.PerformRequest]) -> AsyncIterator[Part]:
    validator = PartValidator()
    async for request in requests:
        for part in validator.parts(request):
            yield part


async def _play_request_parts(request: pb.PlayRequest, config: TurnConfig) -> AsyncIterator[Part]:
    for part in play_request_parts(request, config.sample_rate, SLICE_SECONDS):
        yield part


def _named(event: Event) -> dict[str, Any]:
    return {_FIELDS[type(event)]: event}
