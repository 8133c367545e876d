"""The clients of `WatchFrames`: previews and monitors that receive the frames as they are sent."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator

from neurosync.v1 import media_pb2
from neurosync.v1 import player_pb2 as pb
from services.common.errors import BusyError
from services.common.types import FRAME_RATE
from services.common.wire import emotion_weights
from services.media.curves import CURVE_NAMES
from services.player.engine.frame_sender import SentFrame

_HEADER = media_pb2.FrameHeader(curve_names=CURVE_NAMES, frame_rate_hertz=FRAME_RATE, source="player")
HELD_FRAMES = 120  # for a watcher that falls behind; more shows it older frames, fewer drops them sooner


class Watchers:
    """All clients that watch; owned by the event loop."""

    def __init__(self, limit: int) -> None:
        """Admit at most `limit` at once."""
        self._limit = limit
        self._watchers: set[Watcher] = set()

    def __len__(self) -> int:
        return len(self._watchers)

    def publish(self, frames: list[SentFrame]) -> None:
        """Pass the frames of one tick to every watcher."""
        for frame in frames:
            message = pb.SentFrame(
                subject=frame.shown.character,
                tick=frame.shown.tick,
                timecode_frame=frame.timecode_frame,
                timecode_sub_frame=frame.timecode_sub_frame,
                values=frame.shown.values.tolist(),
                turn_id=frame.shown.turn_id,
                turn_frame=frame.shown.turn_frame,
                turn_sample=frame.shown.turn_sample,
                emotions=emotion_weights(frame.shown.emotions),
            )
            for watcher in self._watchers:
                watcher.put(message)

    async def watch(self, character: str) -> AsyncGenerator[pb.WatchFramesResponse, None]:
        """Yield the header, then the frames of one character, or of all if `character` is empty.

        Raises:
            BusyError: Too many watch already.
        """
        if len(self._watchers) >= self._limit:
            raise BusyError(f"{self._limit} watchers are here already")
        watcher = Watcher(character)
        self._watchers.add(watcher)
        try:
            yield pb.WatchFramesResponse(header=_HEADER)
            while True:
                yield pb.WatchFramesResponse(frame=await watcher.get())
        finally:
            self._watchers.discard(watcher)


class Watcher:
    """One client. When it falls behind, the oldest frames are dropped, and the next frame carries their number."""

    def __init__(self, character: str) -> None:
        self._character = character
        self._frames: deque[pb.SentFrame] = deque(maxlen=HELD_FRAMES)
        self._lost = 0
        self._arrived = asyncio.Event()

    def put(self, frame: pb.SentFrame) -> None:
        """Add a frame, unless it is of another character."""
        if self._character in ("", frame.subject):
            self._lost += len(self._frames) == HELD_FRAMES
            self._frames.append(frame)
            self._arrived.set()

    async def get(self) -> pb.SentFrame:
        """Return the oldest frame that is held; wait for one if there is none."""
        while not self._frames:
            self._arrived.clear()
            await self._arrived.wait()
        frame = pb.SentFrame()
        frame.CopyFrom(self._frames.popleft())  # the same message goes to the other watchers
        frame.lost_frame_count, self._lost = self._lost, 0
        return frame
