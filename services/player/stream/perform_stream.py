"""One `Perform` stream: passes a sender's parts to its turn as fast as there is room, and the turn's events back.

The stream runs on the event loop, the turn on the player's thread. Requests cross over through the pacer, and events
through the loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, AsyncIterator
from functools import partial

from neurosync.v1 import outcome_pb2
from services.common.errors import BadRequestError, InactiveError, UnavailableError
from services.player.engine.performer import Performer
from services.player.stream.event_queue import EventQueue
from services.player.stream.parts import EmotionPart, EndPart, FrameHeaderPart, FramesPart, Part, SoundPart
from services.player.timeline.pacer import Pacer
from services.player.turns.played_turn import PlayedTurn
from services.player.turns.turn_config import TurnConfig
from services.player.turns.turn_events import Event

SLICE_SECONDS = 0.1  # of sound a request to the player; longer blocks its thread for longer, shorter costs more of them
FRAMES_AHEAD = 1800  # beyond the granted sample, at most, 30 s at 60 Hz: only a sender that sends no sound comes so far
BATCH_FRAMES = 240  # a request to the player, 0.1 ms; more block its thread for longer
CHECK_SECONDS = 0.5  # how often a silent sender, or a turn without events, is checked


class PerformStream:
    """One turn and its sender."""

    def __init__(
        self, performer: Performer, pacer: Pacer, config: TurnConfig, *, max_ahead: float, arrived: float
    ) -> None:
        """Make the turn of a stream.

        Args:
            performer: Plays the turn.
            pacer: The thread of the performer.
            config: Of the turn.
            max_ahead: Seconds of sound that are held ahead, at most.
            arrived: Monotonic time at which the config came.
        """
        loop = asyncio.get_running_loop()
        self._queue = queue = EventQueue()
        self._performer = performer
        self._pacer = pacer

        def emit(event: Event) -> None:  # holds the queue alone: a reference cycle would keep the turn's sound for long
            with contextlib.suppress(RuntimeError):  # the loop has closed: no client is left
                loop.call_soon_threadsafe(queue.put, event)

        self._turn = PlayedTurn(config, performer.ticks, max_ahead=max_ahead, arrived=arrived, emit=emit)

    async def events(self, parts: AsyncIterator[Part], inactivity: float) -> AsyncGenerator[Event, None]:
        """Yield the turn's events while the sender's `parts` are passed to it.

        A sender that is silent for `inactivity` seconds, with nothing left to play, is given up.
        """
        receiving: asyncio.Task[None] | None = None
        try:
            yield await self._pacer.call(self._performer.begin, self._turn)
            name = f"receive {self._turn.config.turn_id}"
            receiving = asyncio.create_task(self._receive(parts, inactivity), name=name)
            receiving.add_done_callback(self._on_received)
            async for event in self._queue.events():
                yield event
        finally:
            if receiving:
                receiving.cancel()
            with contextlib.suppress(UnavailableError):  # the player has ended, and the turn with it
                self._pacer.post(self._abandon)

    async def _receive(self, parts: AsyncIterator[Part], inactivity: float) -> None:
        turn, call = self._turn, self._pacer.call
        async for part in self._until_inactive(parts, inactivity):
            match part:
                case SoundPart():
                    await self._push_sound(part)
                case FramesPart():
                    await self._push_frames(part)
                case FrameHeaderPart():
                    await call(turn.open_frames, part.columns, part.rate)
                case EmotionPart():
                    await call(partial(turn.push_emotions, part.at, part.rate, part.weights, explicit=part.explicit))
                case EndPart():
                    await call(turn.close, outcome_pb2.REASON_UNSPECIFIED)
        await call(self._abandon)

    async def _push_sound(self, sound: SoundPart) -> None:
        """Pass sound on in slices, each when there is room for it."""
        size = max(1, round(SLICE_SECONDS * self._turn.config.sample_rate))
        now = time.monotonic()
        for first in range(0, len(sound.pcm), size):
            piece = sound.pcm[first : first + size]
            await self._until_granted(sound.first + first + len(piece))
            await self._pacer.call(self._turn.push_sound, piece, now)

    async def _push_frames(self, frames: FramesPart) -> None:
        """Pass frames on in batches, when there is room for them."""
        await self._room_for_frames(frames)
        now = time.monotonic()
        for start in range(0, len(frames.weights), BATCH_FRAMES):
            batch = frames.weights[start : start + BATCH_FRAMES]
            await self._pacer.call(self._turn.push_frames, frames.first + start, batch, now)

    async def _room_for_frames(self, frames: FramesPart) -> None:
        """Wait until frames are within what is granted.

        They are accepted at once when no sound is left to play: the sound that makes room may come behind them.
        """
        turn, rate = self._turn, self._turn.config.sample_rate
        begin = frames.first * rate // frames.rate
        farthest = turn.granted + FRAMES_AHEAD * rate // frames.rate
        end = (frames.first + len(frames.weights)) * rate // frames.rate
        if end > farthest:
            wanted = f"up to {farthest * frames.rate // rate} (granted_sample is {turn.granted})"
            raise BadRequestError("frames.first_frame", frames.first, wanted)
        await self._until_granted(begin, while_pending=True)

    async def _until_granted(self, sample: int, *, while_pending: bool = False) -> None:
        turn = self._turn
        while turn.granted < sample and turn.reason is None and (turn.pending or not while_pending):
            self._queue.moved.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(CHECK_SECONDS):
                    await self._queue.moved.wait()

    async def _until_inactive(self, parts: AsyncIterator[Part], inactivity: float) -> AsyncIterator[Part]:
        """Yield the parts; silence of the sender counts once the turn has nothing left to play.

        A sender that sends nothing but emotions counts as silent.

        Raises:
            InactiveError: It was silent for `inactivity` seconds.
        """
        silent_since = time.monotonic()
        while True:
            coming = asyncio.ensure_future(anext(parts, None))
            try:
                while not coming.done():
                    await asyncio.wait({coming}, timeout=min(CHECK_SECONDS, inactivity / 4))
                    now = time.monotonic()
                    if self._turn.pending or (coming.done() and not isinstance(coming.result(), EmotionPart)):
                        silent_since = now
                    elif now - silent_since > inactivity and self._turn.reason is None:
                        raise InactiveError(f"nothing came for {inactivity:g} s, and nothing is left to play")
            finally:
                coming.cancel()
            part = coming.result()
            if part is None:
                return
            yield part

    def _abandon(self) -> None:
        self._turn.close(outcome_pb2.REASON_SENDER_LOST)

    def _on_received(self, receiving: asyncio.Task[None]) -> None:
        """Report the error that ended the stream of parts, if one did; what had come is played in any case."""
        if receiving.cancelled():
            return
        error = receiving.exception()
        if error:
            with contextlib.suppress(UnavailableError):
                self._pacer.post(self._abandon)
            self._queue.fail(error)
