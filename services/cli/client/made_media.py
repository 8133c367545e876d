"""Sound and face of a turn as the voice and the face service made them, collected from the turn's events."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from neurosync.v1 import media_pb2
from services.common.types import Pcm, Weights
from services.common.wire import pcm_of, weights_of
from services.media.curves import in_arkit_order
from services.media.emotions import emotion_columns


class MadeMedia:
    """The sound and the frames of one turn, which come in any order."""

    def __init__(self) -> None:
        self._pcm: list[Pcm] = []
        self._curve_names: tuple[str, ...] = ()
        self._frames: list[tuple[int, Weights]] = []

    def add_audio(self, chunk: media_pb2.AudioChunk) -> None:
        """Take the next sound."""
        self._pcm.append(pcm_of(chunk))

    def add_header(self, header: media_pb2.FrameHeader) -> None:
        """Take the names of the curves, which come before the first frames."""
        self._curve_names = tuple(header.curve_names)

    def add_frames(self, batch: media_pb2.FrameBatch) -> None:
        """Take some frames."""
        self._frames.append((batch.first_frame, weights_of(batch, len(self._curve_names))))

    def sound(self, count: int) -> Pcm:
        """Return the first `count` samples, or all if there are fewer."""
        return np.concatenate(self._pcm)[:count] if self._pcm else np.zeros(0, np.int16)

    def face(self, turn_frames: npt.NDArray[np.intp]) -> tuple[Weights, Weights | None]:
        """Return curves (n, 61) and emotions (n, 7), 0 to 1, for frames of the turn, shape (n,).

        Frames that never came are at rest; a frame of -1, as in a pause, has the emotions of the one before it.
        """
        count = max((first + len(rows) for first, rows in self._frames), default=0)
        table = np.zeros((count + 1, len(self._curve_names)), np.float32)  # the last one for what never came
        for first, rows in self._frames:
            table[first : first + len(rows)] = rows
        last = np.maximum.accumulate(turn_frames) if len(turn_frames) else turn_frames
        rows = table[np.where((last >= 0) & (last < count), last, count)]  # (n, curves)
        columns = emotion_columns(self._curve_names)
        return in_arkit_order(rows, self._curve_names), None if columns is None else rows[:, columns]
