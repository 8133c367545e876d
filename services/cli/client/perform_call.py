"""One turn on the player's Perform stream: messages out, events in, until the player reports how the turn ended."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable

import grpc

from neurosync.v1 import media_pb2, player_pb2, player_pb2_grpc
from services.cli.client.connection import Connection
from services.common.errors import InactiveError, UnavailableError
from services.common.types import FRAME_RATE
from services.media.curves import CURVE_NAMES

SILENT_SECONDS = 10.0  # of a player that performs, until it is given up; it sends its position ten times a second
QUEUED_SECONDS = 3600.0  # that a turn may wait for those before it
STOP_SECONDS = 2.0  # for the player to answer Stop, and to report the end
STATUS_SECONDS = 5.0

Event = player_pb2.PerformResponse
Messages = AsyncIterator[player_pb2.PerformRequest]
Call = grpc.aio.StreamStreamCall[player_pb2.PerformRequest, player_pb2.PerformResponse]


class PerformCall:
    """A turn that the player performs."""

    def __init__(
        self,
        player: Connection,
        *,
        sample_rate: int,
        source: str,
        character: str = "",
        turn_id: str = "",
        policy: player_pb2.BusyPolicy.ValueType = player_pb2.BUSY_POLICY_UNSPECIFIED,
    ) -> None:
        """Prepare.

        Args:
            player: The player.
            sample_rate: Hertz, of the sound.
            source: What made the frames.
            character: Who performs; empty: the player's default.
            turn_id: UUID of the turn; empty: a new one.
            policy: What to do if the character is speaking.
        """
        self.granted_sample = 0
        """One past the last sample that the player takes now."""
        self.heard_sample = 0
        """Samples heard so far."""
        self._changed = asyncio.Event()
        self._silence_limit = SILENT_SECONDS
        self._metadata = player.metadata
        self._stub: player_pb2_grpc.PlayerServiceAsyncStub = player_pb2_grpc.PlayerServiceStub(player.channel)
        self._config = player_pb2.PerformConfig(
            turn_id=turn_id or str(uuid.uuid4()),
            subject=character,
            format=media_pb2.AudioFormat(sample_rate_hertz=sample_rate),
            policy=policy,
        )
        self._header = media_pb2.FrameHeader(curve_names=CURVE_NAMES, frame_rate_hertz=FRAME_RATE, source=source)

    async def run(self, messages: Messages, on_event: Callable[[Event], None]) -> player_pb2.PerformFinished:
        """Send all messages, and return how the turn ended.

        Args:
            messages: Frames, sound and emotions in order; they may wait for what was granted or heard.
            on_event: Called with every event of the player.

        Raises:
            UnavailableError: The player ended the stream before it reported the end of the turn.
            InactiveError: It was silent for too long.
        """
        call = self._stub.Perform(metadata=self._metadata)
        sending = asyncio.create_task(self._send(call, messages), name="send to the player")
        try:
            async for event in self._events(call):
                self._update(event)
                on_event(event)
                if event.HasField("finished"):
                    return event.finished
            raise UnavailableError("the player ended the stream before it reported the end of the turn")
        finally:
            sending.cancel()
            call.cancel()
            await asyncio.wait({sending})

    async def wait_for_change(self) -> None:
        """Wait for the next event, which may change `granted_sample` or `heard_sample`."""
        self._changed.clear()
        await self._changed.wait()

    async def stop(self) -> None:
        """Silence the turn; `run` then returns soon."""
        self._silence_limit = STOP_SECONDS
        request = player_pb2.StopRequest(turn_id=self._config.turn_id)
        await self._stub.Stop(request, timeout=STOP_SECONDS, metadata=self._metadata)

    async def status(self) -> player_pb2.GetStatusResponse:
        """Return what the player is doing."""
        request = player_pb2.GetStatusRequest()
        return await self._stub.GetStatus(request, timeout=STATUS_SECONDS, metadata=self._metadata)

    async def _events(self, call: Call) -> AsyncIterator[Event]:
        while True:
            try:
                async with asyncio.timeout(self._silence_limit):
                    event = await call.read()
            except TimeoutError as error:
                raise InactiveError(f"the player sent nothing for {self._silence_limit:g} s") from error
            if not isinstance(event, Event):  # the end of the stream
                return
            yield event

    def _update(self, event: Event) -> None:
        """Keep what was granted and heard, and how long the player may be silent."""
        match event.WhichOneof("event"):
            case "accepted":
                self.granted_sample = event.accepted.granted_sample
                if event.accepted.queued:
                    self._silence_limit = QUEUED_SECONDS
            case "started":
                self._silence_limit = SILENT_SECONDS
            case "position":
                self.granted_sample = event.position.granted_sample
                self.heard_sample = event.position.heard_sample_count
        self._changed.set()

    async def _send(self, call: Call, messages: Messages) -> None:
        """Send everything; a broken call is reported by the side that reads."""
        try:
            await call.write(player_pb2.PerformRequest(config=self._config))
            await call.write(player_pb2.PerformRequest(frame_header=self._header))
            async for message in messages:
                await call.write(message)
            await call.write(player_pb2.PerformRequest(end=player_pb2.PerformEnd()))
            await call.done_writing()
        except (grpc.aio.AioRpcError, asyncio.InvalidStateError):
            return
