"""Watches the player while a turn speaks: the frames as they left for Unreal, and what was heard on each tick."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from itertools import pairwise

import grpc
import numpy as np
import numpy.typing as npt

from neurosync.v1 import player_pb2, player_pb2_grpc
from services.cli.client.connection import Connection
from services.common.types import FRAME_RATE, Weights
from services.common.wire import emotion_strengths

READY_SECONDS = 1.0  # for the first frame, of sixty a second; a player that is away must not hold up the turn
LAST_SECONDS = 0.5  # after the turn's end, for the last of its frames to come
MAX_FRAMES = 3600 * FRAME_RATE  # an hour, about 60 MB; what comes after it is not recorded

Watched = player_pb2.SentFrame


@dataclass(frozen=True)
class SentRows:
    """What was sent on each tick of a turn, without holes."""

    weights: Weights
    """Curves, shape (n, 61)."""
    emotions: Weights
    """What the face showed, shape (n, 7), 0 to 1."""
    times: npt.NDArray[np.float64]
    """Timecodes in seconds since midnight, shape (n,)."""
    turn_frames: npt.NDArray[np.intp]
    """Frame of the turn, shape (n,); -1 where none was shown."""


@dataclass
class SentFrames:
    """The frames of one turn as they were sent, those of ticks that nobody saw left out."""

    ticks: list[int] = field(default_factory=list)
    """Ticks, counted from the one on which the turn began."""
    played: list[int] = field(default_factory=list)
    """Samples of the turn that had been heard on each."""
    turn_frames: list[int] = field(default_factory=list)
    """Frame of the turn that was shown on each; -1 where none was."""
    times: list[float] = field(default_factory=list)
    """Timecode of each, in seconds since midnight."""
    weights: list[Weights] = field(default_factory=list)
    """The 61 curves of each, shape (61,)."""
    emotions: list[Weights] = field(default_factory=list)
    """What the face showed on each, shape (7,), 0 to 1."""
    _first_tick: int = 0

    @property
    def holes(self) -> list[tuple[int, int]]:
        """Runs of more than one tick that were not sent, or not seen: the first tick, and one past the last."""
        return [(one + 1, two) for one, two in pairwise(self.ticks) if two - one > 2]

    def rows(self, count: int) -> SentRows:
        """Return `count` rows, one a tick; there must be at least one frame.

        A tick that was not sent shows what was sent before it, as in Unreal.
        """
        ticks = np.array(self.ticks)
        at = np.maximum(np.searchsorted(ticks, np.arange(count), side="right") - 1, 0)  # the last one sent by then
        return SentRows(
            weights=np.array(self.weights, np.float32)[at],
            emotions=np.array(self.emotions, np.float32)[at],
            times=np.array(self.times)[at] + (np.arange(count) - ticks[at]) / FRAME_RATE,
            turn_frames=np.array(self.turn_frames, np.intp)[at],
        )

    def note(self, frame: Watched, rate: int) -> None:
        """Take a frame of the turn, whose sound has `rate` Hz."""
        if not self.ticks:  # the turn began on a tick; its first ones may have been missed
            self._first_tick = frame.tick - round(frame.turn_sample * FRAME_RATE / rate)
        tick = frame.tick - self._first_tick
        if (self.ticks and tick <= self.ticks[-1]) or len(self.ticks) >= MAX_FRAMES:
            return
        self.ticks.append(tick)
        self.played.append(frame.turn_sample)
        self.turn_frames.append(frame.turn_frame)
        self.times.append((frame.timecode_frame + frame.timecode_sub_frame) / FRAME_RATE)
        self.weights.append(np.array(frame.values, np.float32))
        self.emotions.append(emotion_strengths(frame.emotions, "emotions"))


class Witness:
    """Keeps the frames of one turn; those of others are let go."""

    def __init__(self) -> None:
        self.turn_id = ""
        """The turn to keep; set as soon as it is known."""
        self.lost_count = 0
        """Frames that the player could not tell of, as this side was slow."""
        self._frames: list[Watched] = []
        self._moved = asyncio.Event()
        self._ended = False

    @property
    def heard_sample(self) -> int:
        """Samples of the turn heard so far."""
        return self._frames[-1].turn_sample if self._frames and self._frames[-1].turn_id == self.turn_id else 0

    def note(self, frame: Watched) -> None:
        """Take a frame."""
        if self._ended:
            return
        if frame.turn_id and frame.turn_id == (self.turn_id or frame.turn_id):
            self._frames.append(frame)
            self.lost_count += frame.lost_frame_count
        elif self._frames and frame.subject == self._frames[-1].subject and self._frames[-1].turn_id == self.turn_id:
            self._ended = True
        if len(self._frames) > MAX_FRAMES:
            self._ended = True
        self._moved.set()

    async def sent(self, rate: int) -> SentFrames:
        """Return the frames of the turn, which has just ended and whose sound has `rate` Hz."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LAST_SECONDS):
                while not self._ended:
                    self._moved.clear()
                    await self._moved.wait()
        sent = SentFrames()
        for frame in self._frames:
            if frame.turn_id == self.turn_id:
                sent.note(frame, rate)
        return sent


@contextlib.asynccontextmanager
async def watching(player: Connection, subject: str, tell: Callable[[str], None]) -> AsyncIterator[Witness | None]:
    """Watch the player for the length of a block; None, and a line to `tell`, if it cannot be watched.

    An empty `subject` watches all of them.
    """
    stub: player_pb2_grpc.PlayerServiceAsyncStub = player_pb2_grpc.PlayerServiceStub(player.channel)
    call = stub.WatchFrames(player_pb2.WatchFramesRequest(subject=subject), metadata=player.metadata)
    witness = Witness()
    first, failure = asyncio.Event(), ""

    async def read() -> None:
        nonlocal failure
        try:
            async for event in call:
                if event.HasField("frame"):
                    first.set()
                    witness.note(event.frame)
        except grpc.aio.AioRpcError as error:
            failure = f"{error.code().name}: {error.details()}"
        finally:
            first.set()

    reading = asyncio.create_task(read(), name="watch the player")
    try:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(READY_SECONDS):
                await first.wait()
        watched = first.is_set() and not failure
        if not watched:
            tell(
                f"note: the take holds the face as it was made, not as it was sent: the player at {player.address} "
                f"cannot be watched ({failure or f'no frame within {READY_SECONDS:g} s'})"
            )
        yield witness if watched else None
    finally:
        reading.cancel()
        call.cancel()
        await asyncio.wait({reading})
