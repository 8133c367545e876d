"""The player stage of a turn: sends sound and frames no further ahead than granted, yields how far the turn is."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING, TypeAlias

import grpc

from neurosync.v1 import media_pb2, orchestrator_pb2, player_pb2
from neurosync.v1.orchestrator_pb2 import Stage
from services.common.errors import InactiveError
from services.common.types import FRAME_RATE
from services.common.wire import busy_policy, duration
from services.media.fade import INTERRUPT_FADE_SECONDS
from services.orchestrator.stages.connections import HEAD_START_SECONDS, Connections, StageError, is_away
from services.orchestrator.stages.events import StageNotice
from services.orchestrator.stages.watchdog import Watchdog, read

if TYPE_CHECKING:
    Call = grpc.aio.StreamStreamCall[player_pb2.PerformRequest, player_pb2.PerformResponse]

STOP_TIMEOUT = 1.0  # seconds for the player to answer Stop; it answers in milliseconds or is gone

PlayerEvent: TypeAlias = (
    player_pb2.PerformAccepted
    | player_pb2.PerformStarted
    | player_pb2.PerformPosition
    | player_pb2.PerformNotice
    | player_pb2.PerformFinished
    | StageNotice
)


class PlayerStage:
    """One `Perform` call that lives for the whole turn; `events` runs once."""

    def __init__(
        self, connections: Connections, turn_id: str, request: orchestrator_pb2.ConverseRequest, rate: int
    ) -> None:
        """Perform the turn of `request`, with sound of `rate` Hz."""
        self._connections, self._rate = connections, rate
        self._config = player_pb2.PerformConfig(
            turn_id=turn_id,
            subject=request.subject,
            format=media_pb2.AudioFormat(sample_rate_hertz=rate),
            policy=busy_policy(request.policy),
        )
        self._frame_rate = FRAME_RATE
        self._audio: deque[media_pb2.AudioChunk] = deque()  # bounded by the voice, which waits for `wait_heard`
        self._frames: deque[media_pb2.FrameBatch] = deque()  # bounded by the sound they belong to
        self._emotions: deque[media_pb2.EmotionKey] = deque()  # bounded by the text they stand in
        self._header: media_pb2.FrameHeader | None = None
        self._ended = False
        self._granted = 0
        self._changed = asyncio.Event()
        self._progress = asyncio.Condition()
        self._call: Call | None = None
        self._watchdog: Watchdog | None = None
        self._accepted = self._abandoned = self._queued = self._holds_sound = False
        self.heard_sample_count = 0

    def send_audio(self, chunk: media_pb2.AudioChunk) -> None:
        """Send sound as soon as the player grants it."""
        self._audio.append(chunk)
        self._changed.set()

    def send_header(self, header: media_pb2.FrameHeader) -> None:
        """Send the names of the curves, once a turn."""
        if self._header is None:
            self._header, self._frame_rate = header, header.frame_rate_hertz
            self._frames.clear()
        self._changed.set()

    def send_frames(self, frames: media_pb2.FrameBatch) -> None:
        """Send frames beside the sound they belong to."""
        self._frames.append(frames)
        self._changed.set()

    def send_emotion(self, key: media_pb2.EmotionKey) -> None:
        """Send emotions that hold from a sample on."""
        self._emotions.append(key)
        self._changed.set()

    def end(self) -> None:
        """Declare that nothing follows what was given."""
        self._ended = True
        self._changed.set()

    async def wait_heard(self, sample: int) -> None:
        """Wait until `sample` was heard; 0 or less is heard from the start."""
        async with self._progress:
            await self._progress.wait_for(lambda: self.heard_sample_count >= sample)

    async def stop(self) -> None:
        """Silence the turn.

        Raises:
            StageError: The player did not answer.
        """
        request = player_pb2.StopRequest(turn_id=self._config.turn_id, fade=duration(INTERRUPT_FADE_SECONDS))
        try:
            await self._connections.player.Stop(request, timeout=STOP_TIMEOUT, metadata=self._connections.metadata)
        except grpc.aio.AioRpcError as error:
            raise self._connections.failure(Stage.STAGE_PLAYER, error) from error

    def abandon(self) -> None:
        """End the call at once, whatever the player does."""
        self._abandoned = True
        if self._call is not None:
            self._call.cancel()

    async def events(self) -> AsyncGenerator[PlayerEvent, None]:
        """Yield the player's events until the turn is over; its last event is `PerformFinished`.

        Raises:
            StageError: The player is away, refused the turn, or sent nothing for too long.
        """
        await asyncio.sleep(HEAD_START_SECONDS)
        has_retried = False
        while True:
            try:
                async with contextlib.aclosing(self._perform()) as events:
                    async for event in events:
                        yield event
                return
            except (grpc.aio.AioRpcError, InactiveError) as error:
                again = is_away(error) and not (self._accepted or self._abandoned or has_retried)
                has_retried = True
                if not (again and await self._connections.is_connected(Stage.STAGE_PLAYER)):
                    raise self._connections.failure(Stage.STAGE_PLAYER, error) from error

    async def _perform(self) -> AsyncGenerator[PlayerEvent, None]:
        """Make one call; until the player has accepted the turn, it holds nothing of it, and another may follow."""
        if self._abandoned:
            raise InactiveError("the turn was given up before it reached the player")
        self._watchdog = watchdog = Watchdog(self._connections, Stage.STAGE_PLAYER)
        self._call = call = self._connections.player.Perform(metadata=self._connections.metadata)
        watchdog.expect()
        sending = asyncio.create_task(self._send(call), name="send to the player")
        try:
            reading = read(call, watchdog)
            async with contextlib.aclosing(reading) as answers:
                async for answer in answers:
                    if isinstance(answer, StageError):
                        yield StageNotice(answer)
                        continue
                    event = await self._note(answer)
                    yield event
                    if isinstance(event, player_pb2.PerformFinished):
                        return
            raise InactiveError("the player ended the call before the turn")
        finally:
            sending.cancel()

    async def _note(self, answer: player_pb2.PerformResponse) -> PlayerEvent:
        """Note what the player granted and how much was heard, and return the event."""
        event: PlayerEvent = getattr(answer, answer.WhichOneof("event") or "notice")
        match event:
            case player_pb2.PerformAccepted():
                self._accepted = True
                self._granted, self._queued = event.granted_sample, event.queued
            case player_pb2.PerformStarted():
                self._queued = False
            case player_pb2.PerformPosition():
                self._granted = event.granted_sample
                self.heard_sample_count = event.heard_sample_count
            case player_pb2.PerformFinished():
                self.heard_sample_count = event.heard_sample_count
        self._expect_position()
        self._changed.set()
        async with self._progress:
            self._progress.notify_all()
        return event

    def _expect_position(self) -> None:
        """Expect news while the player holds sound that it can play."""
        if self._watchdog is not None and self._holds_sound and not self._queued:
            self._watchdog.expect()

    async def _send(self, call: Call) -> None:
        """Write what may be written, in the order of time; a broken call is reported by the side that reads."""
        try:
            await call.write(player_pb2.PerformRequest(config=self._config))
            header_sent = False
            while True:
                self._changed.clear()
                if self._header is not None and not header_sent:
                    header_sent = True
                    await call.write(player_pb2.PerformRequest(frame_header=self._header))
                while (part := self._next(header_sent)) is not None:
                    await call.write(part)
                    self._holds_sound = self._holds_sound or part.HasField("audio")
                    self._expect_position()
                if self._ended and not (self._audio or self._frames or self._emotions):
                    await call.write(player_pb2.PerformRequest(end=player_pb2.PerformEnd()))
                    await call.done_writing()
                    return
                await self._changed.wait()
        except (grpc.aio.AioRpcError, asyncio.InvalidStateError):
            return

    def _next(self, header_sent: bool) -> player_pb2.PerformRequest | None:
        """Return the earliest part that the grant allows."""
        if self._emotions and self._granted:
            return player_pb2.PerformRequest(emotion=self._emotions.popleft())
        audio = self._audio[0].first_sample if self._audio else None
        frames = None
        if header_sent and self._frames:
            frames = self._frames[0].first_frame * self._rate // self._frame_rate
        if audio is not None and audio >= self._granted:
            audio = None
        if frames is not None and frames < self._granted and (audio is None or frames <= audio):
            return player_pb2.PerformRequest(frames=self._frames.popleft())
        if audio is not None:
            return player_pb2.PerformRequest(audio=self._audio.popleft())
        return None
