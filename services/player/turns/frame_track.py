"""The face frames of one turn: batches at any rate in, one pose a tick out."""

from __future__ import annotations

from collections import deque

import numpy as np
import numpy.typing as npt

from services.common.types import Weights
from services.media.curves import CURVE_COUNT, clamp
from services.player.timeline.ticks import TICK_RATE

BRIDGED_SECONDS = 0.1  # frames missing for less are filled in from their neighbours; longer lets the mouth rest


class FrameTrack:
    """Frames in order of time. Frame k belongs to the time `k / rate`, tick t of the turn to `t / 60`."""

    def __init__(self, columns: npt.NDArray[np.intp], rate: int, *, next_tick: int = 0) -> None:
        """Make an empty track.

        Args:
            columns: For each of the 61 curves, the column of a frame that holds it, or -1; shape (61,).
            rate: Hz of the frames.
            next_tick: Tick of the turn that is shown next.
        """
        self._columns = columns
        self._rate = rate
        self._gap = max(1, round(BRIDGED_SECONDS * rate))
        self._held: deque[tuple[int, Weights]] = deque()
        self._next_tick = next_tick
        self._shown = -1
        self.brought = columns >= 0
        """Which curves the frames hold, shape (61,)."""
        self.end = 0
        """One past the newest frame."""
        self.shown_count = 0
        self.late_count = 0

    def push(self, first: int, frames: Weights) -> None:
        """Add frames `first`, `first + 1`, ... of shape (n, columns); those whose time has passed are dropped."""
        poses = np.zeros((len(frames), CURVE_COUNT), np.float32)
        poses[:, self.brought] = frames[:, self._columns[self.brought]]  # (n, 61)
        for index, pose in enumerate(clamp(poses), start=first):
            if (index + 1) * TICK_RATE <= self._next_tick * self._rate:
                self.late_count += 1
            else:
                self._held.append((index, pose))
        self.end = first + len(frames)

    def covers(self, seconds: float) -> bool:
        """Return whether all frames before `seconds` have come or were left out."""
        return self.end >= seconds * self._rate

    def at(self, tick: int) -> Weights | None:
        """Return the pose for tick `tick` of the turn, shape (61,), or None; ticks must not go back."""
        self._next_tick = tick + 1
        whole, part = divmod(tick * self._rate, TICK_RATE)
        held = self._held
        while len(held) > 1 and held[1][0] <= whole:
            held.popleft()
        if not held or held[0][0] > whole:
            return None
        index, pose = held[0]
        distance = whole - index + part / TICK_RATE  # frames since `index`
        if distance and len(held) > 1 and held[1][0] - index <= self._gap:
            after, following = held[1]
            pose = pose + (following - pose) * np.float32(distance / (after - index))
        elif distance >= 1:
            return None
        if index != self._shown:
            self._shown = index
            self.shown_count += 1
        return pose
