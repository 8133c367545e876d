"""One performance on the event loop: a sender's parts in, as fast as there is room for them; the turn's events out.

The turn itself lives on the player's thread. What crosses over: requests, through the pacer; events, through the loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator
from functools import partial

from neurosync.v1 import outcome_pb2
from neurosync.v1 import player_pb2 as pb
from services.common.errors import BadRequestError, InactiveError, UnavailableError
from services.player.engine.performer import Performer
from services.player.stream.validation import End, Feeling, FrameOpening, Frames, Part, Sound
from services.player.timeline.pacer import Pacer
from services.player.turns.played_turn import Event, Turn, TurnConfig

SLICE_SECONDS = 0.1  # of sound a request to the player; longer blocks its thread for longer, shorter costs more of them
FRAMES_AHEAD = 1800  # beyond the granted sample, at most, 30 s at 60 Hz: only a sender that sends no sound comes so far
BATCH_FRAMES = 240  # a request to the player, 0.1 ms; more block its thread for longer
MAX_NOTICES = 64  # held for a client that does not read; the counters tell of the rest
LOOK_SECONDS = 0.5  # how often a silent sender is looked at


class Outbox:
    """Events of one turn on their way to its client; owned by the event loop.

    Bounded: a position replaces the one before, notices beyond `MAX_NOTICES` are dropped, the others come once a turn.
    """

    def __init__(self) -> None:
        self.moved = asyncio.Event()
        """Set whenever the turn got on; whoever waits for room clears it."""
        self._events: deque[Event] = deque()
        self._position: pb.PerformPosition | None = None
        self._error: BaseException | None = None
        self._wake = asyncio.Event()

    def put(self, event: Event) -> None:
        """Add an event."""
        if isinstance(event, pb.PerformPosition):
            self._position = event
        elif not isinstance(event, pb.PerformNotice) or len(self._events) < MAX_NOTICES:
            self._events.append(event)
        self._wake.set()
        self.moved.set()

    def fail(self, error: BaseException) -> None:
        """End with `error`; one of inactivity waits for the turn's end, any other does not."""
        self._error = error
        self._wake.set()

    async def events(self) -> AsyncIterator[Event]:
        """Yield the events until the turn has finished."""
        while True:
            self._wake.clear()
            while self._events:
                event = self._events.popleft()
                yield event
                if isinstance(event, pb.PerformFinished):
                    if self._error:
                        raise self._error
                    return
            if self._error and not isinstance(self._error, InactiveError):
                raise self._error
            if self._position:
                position, self._position = self._position, None
                yield position
            else:
                await self._wake.wait()


class Performance:
    """One turn and its sender."""

    def __init__(
        self, performer: Performer, pacer: Pacer, config: TurnConfig, *, horizon: float, arrived: float
    ) -> None:
        """Perform a turn whose config came at monotonic time `arrived`, holding `horizon` seconds of sound ahead."""
        loop = asyncio.get_running_loop()
        self._outbox = outbox = Outbox()
        self._performer = performer
        self._pacer = pacer

        def emit(event: Event) -> None:  # knows the outbox alone: a circle would keep the turn, and its sound, for long
            with contextlib.suppress(RuntimeError):  # the loop has closed: nobody listens
                loop.call_soon_threadsafe(outbox.put, event)

        self._turn = Turn(config, performer.grid, horizon=horizon, arrived=arrived, emit=emit)

    async def events(self, parts: AsyncIterator[Part], inactivity: float) -> AsyncGenerator[Event, None]:
        """Yield what happens, while the sender's `parts` are fed to the turn.

        A sender that is silent for `inactivity` seconds, with nothing left to play, is given up.
        """
        feeder: asyncio.Task[None] | None = None
        try:
            yield await self._pacer.call(self._performer.begin, self._turn)
            feeder = asyncio.create_task(self._feed(parts, inactivity), name=f"feed {self._turn.config.turn_id}")
            feeder.add_done_callback(self._on_fed)
            async for event in self._outbox.events():
                yield event
        finally:
            if feeder:
                feeder.cancel()
            with contextlib.suppress(UnavailableError):  # the player has ended, and the turn with it
                self._pacer.post(self._abandon)

    async def _feed(self, parts: AsyncIterator[Part], inactivity: float) -> None:
        turn, call = self._turn, self._pacer.call
        async for part in self._patiently(parts, inactivity):
            if isinstance(part, Sound):
                await self._feed_sound(part)
            elif isinstance(part, Frames):
                await self._feed_frames(part)
            elif isinstance(part, FrameOpening):
                await call(turn.open_frames, part.columns, part.rate)
            elif isinstance(part, Feeling):
                await call(partial(turn.push_feeling, part.at, part.rate, part.weights, told=part.told))
            elif isinstance(part, End):
                await call(turn.close, outcome_pb2.REASON_UNSPECIFIED)
        await call(self._abandon)

    async def _feed_sound(self, sound: Sound) -> None:
        """Feed sound in slices, each when there is room for it."""
        size = max(1, round(SLICE_SECONDS * self._turn.config.sample_rate))
        now = time.monotonic()
        for first in range(0, len(sound.pcm), size):
            piece = sound.pcm[first : first + size]
            await self._until_granted(sound.first + first + len(piece))
            await self._pacer.call(self._turn.push_sound, piece, now)

    async def _feed_frames(self, frames: Frames) -> None:
        """Feed frames when there is room for them, in batches."""
        await self._room_for_frames(frames)
        now = time.monotonic()
        for start in range(0, len(frames.weights), BATCH_FRAMES):
            batch = frames.weights[start : start + BATCH_FRAMES]
            await self._pacer.call(self._turn.push_frames, frames.first + start, batch, now)

    async def _room_for_frames(self, frames: Frames) -> None:
        """Wait until frames are within what is granted.

        They are let in at once when no sound is left to play: the sound that makes room may come behind them.
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
            self._outbox.moved.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_SECONDS):
                    await self._outbox.moved.wait()

    async def _patiently(self, parts: AsyncIterator[Part], inactivity: float) -> AsyncIterator[Part]:
        """Yield the parts; a silent sender is waited for as long as the turn has something to play.

        One that only says what to feel is silent.

        Raises:
            InactiveError: It was silent for too long.
        """
        silent_since = time.monotonic()
        while True:
            coming = asyncio.ensure_future(anext(parts, None))
            try:
                while not coming.done():
                    await asyncio.wait({coming}, timeout=min(LOOK_SECONDS, inactivity / 4))
                    now = time.monotonic()
                    if self._turn.pending or (coming.done() and not isinstance(coming.result(), Feeling)):
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

    def _on_fed(self, feeder: asyncio.Task[None]) -> None:
        """Pass on what ended the feeding, if it was an error; what had come is played in any case."""
        if feeder.cancelled():
            return
        error = feeder.exception()
        if error:
            with contextlib.suppress(UnavailableError):
                self._pacer.post(self._abandon)
            self._outbox.fail(error)
