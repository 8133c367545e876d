"""Captures the frames of one turn as the player sends them, each with how much of the turn had been heard by then."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import grpc
import numpy as np
import numpy.typing as npt

from neurosync.v1 import player_pb2, player_pb2_grpc
from services.cli.client.connection import Connection
from services.common.types import FRAME_RATE, Weights
from services.common.wire import emotion_strengths
from services.media.curves import in_arkit_order
from services.media.takes.heard_sound import HeardTick

READY_SECONDS = 1.0  # for the first frame, of sixty a second; a player that is away must not hold up the turn
LAST_SECONDS = 0.5  # after the turn's end, for the last of its frames to come
MAX_FRAMES = 3600 * FRAME_RATE  # an hour, about 60 MB; what comes after it is not recorded


@dataclass(frozen=True)
class CapturedFrame:
    """One frame of a turn."""

    heard: HeardTick
    """Its tick, and how much of the turn had been heard on it."""
    turn_frame: int
    """Frame of the turn that was shown; -1 where none was."""
    time: float
    """Timecode, in seconds since midnight."""
    weights: Weights
    """The 61 curves, shape (61,)."""
    emotions: Weights
    """What the face showed, shape (7,), 0 to 1."""


@dataclass(frozen=True)
class CapturedRows:
    """What was sent on each tick of a turn, without holes."""

    weights: Weights
    """Curves, shape (n, 61)."""
    emotions: Weights
    """What the face showed, shape (n, 7), 0 to 1."""
    times: npt.NDArray[np.float64]
    """Timecodes in seconds since midnight, shape (n,)."""
    turn_frames: npt.NDArray[np.intp]
    """Frame of the turn, shape (n,); -1 where none was shown."""


@dataclass(frozen=True)
class CapturedTurn:
    """The frames of one turn by growing tick; ticks that were not sent, or not received, are missing."""

    frames: tuple[CapturedFrame, ...] = ()

    @property
    def heard(self) -> list[HeardTick]:
        """How far the turn was on each tick that is known."""
        return [frame.heard for frame in self.frames]

    @property
    def missed_count(self) -> int:
        """Ticks that are missing, up to the last one."""
        return self.frames[-1].heard.tick + 1 - len(self.frames) if self.frames else 0

    @property
    def holes(self) -> list[tuple[int, int]]:
        """Where more than one tick in a row is missing: the first tick, and one past the last."""
        pairs = pairwise(frame.heard.tick for frame in self.frames)
        return [(one + 1, two) for one, two in pairs if two - one > 2]

    def rows(self, count: int) -> CapturedRows:
        """Return `count` rows, one a tick; there must be at least one frame.

        A missing tick shows what was sent before it, as in Unreal.
        """
        ticks = np.array([frame.heard.tick for frame in self.frames])
        at = np.maximum(np.searchsorted(ticks, np.arange(count), side="right") - 1, 0)  # the last one sent by then
        times = np.array([frame.time for frame in self.frames])
        return CapturedRows(
            weights=np.array([frame.weights for frame in self.frames], np.float32)[at],
            emotions=np.array([frame.emotions for frame in self.frames], np.float32)[at],
            times=times[at] + (np.arange(count) - ticks[at]) / FRAME_RATE,
            turn_frames=np.array([frame.turn_frame for frame in self.frames], np.intp)[at],
        )


def captured_turn(sent: Iterable[player_pb2.SentFrame], curve_names: Sequence[str], rate: int) -> CapturedTurn:
    """Return the frames of a turn as it was captured.

    Args:
        sent: Its frames as they came.
        curve_names: The curves of each, in the order of its values.
        rate: Hertz, of the turn's sound.
    """
    frames: list[player_pb2.SentFrame] = []
    for frame in sent:
        if not frames or frame.tick > frames[-1].tick:
            frames.append(frame)
    if not frames:
        return CapturedTurn()
    # the turn began on a tick; its first ones may have been missed
    first_tick = frames[0].tick - round(frames[0].turn_sample * FRAME_RATE / rate)
    weights = in_arkit_order(np.array([frame.values for frame in frames], np.float32), curve_names)  # (n, 61)
    return CapturedTurn(
        tuple(
            CapturedFrame(
                heard=HeardTick(frame.tick - first_tick, frame.turn_sample),
                turn_frame=frame.turn_frame,
                time=(frame.timecode_frame + frame.timecode_sub_frame) / FRAME_RATE,
                weights=row,
                emotions=emotion_strengths(frame.emotions, "emotions"),
            )
            for frame, row in zip(frames, weights, strict=True)
        )
    )


class SynchronizedCapture:
    """Keeps the frames of one turn out of all that the player sends."""

    def __init__(self) -> None:
        self.turn_id = ""
        """The turn to keep; set as soon as it is known."""
        self._curve_names: Sequence[str] = ()
        self._frames: list[player_pb2.SentFrame] = []
        self._changed = asyncio.Event()
        self._ended = False

    @property
    def heard_sample(self) -> int:
        """Samples of the turn heard so far."""
        return self._frames[-1].turn_sample if self._frames and self._frames[-1].turn_id == self.turn_id else 0

    def add(self, event: player_pb2.WatchFramesResponse) -> None:
        """Take the next message of the player: the header first, then frame after frame."""
        match event.WhichOneof("event"):
            case "header":
                self._curve_names = tuple(event.header.curve_names)
            case "frame":
                self._add_frame(event.frame)

    async def turn(self, rate: int) -> CapturedTurn:
        """Return the frames of the turn, which has just ended and whose sound has `rate` Hz."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LAST_SECONDS):
                while not self._ended:
                    self._changed.clear()
                    await self._changed.wait()
        frames = (frame for frame in self._frames if frame.turn_id == self.turn_id)
        return captured_turn(frames, self._curve_names, rate)

    def _add_frame(self, frame: player_pb2.SentFrame) -> None:
        if self._ended:
            return
        if frame.turn_id and frame.turn_id == (self.turn_id or frame.turn_id):
            self._frames.append(frame)
        elif self._frames and frame.subject == self._frames[-1].subject and self._frames[-1].turn_id == self.turn_id:
            self._ended = True
        if len(self._frames) >= MAX_FRAMES:
            self._ended = True
        self._changed.set()


@contextlib.asynccontextmanager
async def capturing(
    player: Connection, character: str, notify: Callable[[str], None]
) -> AsyncIterator[SynchronizedCapture | None]:
    """Receive what the player sends for the length of a block; yield None, and notify, if that is not possible.

    An empty `character` captures all of them.
    """
    stub: player_pb2_grpc.PlayerServiceAsyncStub = player_pb2_grpc.PlayerServiceStub(player.channel)
    call = stub.WatchFrames(player_pb2.WatchFramesRequest(subject=character), metadata=player.metadata)
    capture = SynchronizedCapture()
    first_frame, failure = asyncio.Event(), ""

    async def receive() -> None:
        nonlocal failure
        try:
            async for event in call:
                capture.add(event)
                if event.HasField("frame"):
                    first_frame.set()
        except grpc.aio.AioRpcError as error:
            failure = f"{error.code().name}: {error.details()}"
        finally:
            first_frame.set()

    receiving = asyncio.create_task(receive(), name="receive the player's frames")
    try:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(READY_SECONDS):
                await first_frame.wait()
        works = first_frame.is_set() and not failure
        if not works:
            notify(
                f"note: the take holds the face as it was made, not as it was sent: the player at {player.address} "
                f"cannot be watched ({failure or f'no frame within {READY_SECONDS:g} s'})"
            )
        yield capture if works else None
    finally:
        receiving.cancel()
        call.cancel()
        await asyncio.wait({receiving})
