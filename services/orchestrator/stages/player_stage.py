"""The player's side of a turn: sends sound and frames no further ahead than granted, and hears how far the turn is."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

import grpc

from neurosync.v1 import media_pb2, player_pb2
from neurosync.v1.orchestrator_pb2 import Stage
from services.common.errors import InactiveError
from services.common.wire import duration
from services.media.takes.heard_sound import FADE_SECONDS
from services.orchestrator.connections import StageError, Stages, is_away
from services.orchestrator.watchdog import Patience

STOP_TIMEOUT = 1.0  # seconds for the player to answer Stop; it answers in milliseconds or is gone

if TYPE_CHECKING:
    Call = grpc.aio.StreamStreamCall[player_pb2.PerformRequest, player_pb2.PerformResponse]


class Performance:
    """One `Perform` call that lives for the whole turn."""

    def __init__(self, stages: Stages, config: player_pb2.PerformConfig, on_slow: Callable[[StageError], None]) -> None:
        """Perform the turn that `config` names; `on_slow` is told of a player that takes its time."""
        self._stages, self._config, self._on_slow = stages, config, on_slow
        self._rate = config.format.sample_rate_hertz
        self._frame_rate = 60
        self._audio: deque[media_pb2.AudioChunk] = deque()  # bounded by the voice, which waits for `heard`
        self._frames: deque[media_pb2.FrameBatch] = deque()  # bounded by the sound they belong to
        self._emotions: deque[media_pb2.EmotionKey] = deque()  # bounded by the text they stand in
        self._header: media_pb2.FrameHeader | None = None
        self._ended = False
        self._granted = 0
        self._changed = asyncio.Event()
        self._progress = asyncio.Condition()
        self._call: Call | None = None
        self._patience = Patience(stages, Stage.STAGE_PLAYER, on_slow)
        self._accepted = self._abandoned = self._queued = self._holds_sound = False
        self._tried = False
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
        """Send what is felt from a sample on."""
        self._emotions.append(key)
        self._changed.set()

    def end(self) -> None:
        """Tell the player, after all that was given, that nothing follows."""
        self._ended = True
        self._changed.set()

    async def heard(self, sample: int) -> None:
        """Wait until `sample` was heard; 0 or less is heard from the start."""
        async with self._progress:
            await self._progress.wait_for(lambda: self.heard_sample_count >= sample)

    async def run(self, tell: Callable[[player_pb2.PerformResponse], None]) -> player_pb2.PerformFinished:
        """Perform until the player says that the turn is over; `tell` hears every event.

        Raises:
            StageError: The player is away, refused the turn, or said nothing for too long.
        """
        while True:
            try:
                return await self._perform(tell)
            except (grpc.aio.AioRpcError, InactiveError) as error:
                again = is_away(error) and not self._accepted and not self._abandoned and not self._tried
                self._tried = True
                if not (again and await self._stages.reconnected(Stage.STAGE_PLAYER)):
                    raise self._stages.failure(Stage.STAGE_PLAYER, error) from error

    async def _perform(self, tell: Callable[[player_pb2.PerformResponse], None]) -> player_pb2.PerformFinished:
        """Make one call; until the player has accepted the turn, it holds nothing of it, and another may follow."""
        self._patience = Patience(self._stages, Stage.STAGE_PLAYER, self._on_slow)
        self._call = call = self._stages.player.Perform(metadata=self._stages.metadata)
        self._patience.owe()
        helpers = [
            asyncio.create_task(self._send(call), name="send to the player"),
            asyncio.create_task(self._patience.watch(call), name="watch the player"),
        ]
        try:
            async for event in call:
                await self._note(event)
                tell(event)
                if event.HasField("finished"):
                    return event.finished
            raise InactiveError("the player ended the call before the turn")
        except asyncio.CancelledError:
            if not self._patience.gave_up():
                raise
            raise InactiveError("the player was given up") from None
        finally:
            for helper in helpers:
                helper.cancel()
            call.cancel()

    async def stop(self) -> None:
        """Silence the turn, and wait a bounded time for the player's last word on it."""
        request = player_pb2.StopRequest(turn_id=self._config.turn_id, fade=duration(FADE_SECONDS))
        try:
            await self._stages.player.Stop(request, timeout=STOP_TIMEOUT, metadata=self._stages.metadata)
        except grpc.aio.AioRpcError as error:
            raise self._stages.failure(Stage.STAGE_PLAYER, error) from error

    def abandon(self) -> None:
        """End the call at once, whatever the player says."""
        self._abandoned = self._patience.lost = True
        if self._call is not None:
            self._call.cancel()

    async def _note(self, event: player_pb2.PerformResponse) -> None:
        """Remember what the player granted and how much was heard."""
        match event.WhichOneof("event"):
            case "accepted":
                self._accepted = True
                self._granted, self._queued = event.accepted.granted_sample, event.accepted.queued
            case "started":
                self._queued = False
            case "position":
                self._granted = event.position.granted_sample
                self.heard_sample_count = event.position.heard_sample_count
            case "finished":
                self.heard_sample_count = event.finished.heard_sample_count
        self._patience.settle()
        self._note_debt()
        self._changed.set()
        async with self._progress:
            self._progress.notify_all()

    def _note_debt(self) -> None:
        if self._holds_sound and not self._queued:
            self._patience.owe()

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
                    self._note_debt()
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
