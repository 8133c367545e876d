"""Sends the faces of each tick to all frame outputs; the frames are encoded before they are due."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from services.media.livelink import timecode
from services.player.engine.character import CharacterFrame
from services.player.frame_outputs.frame_output import FrameOutput, OutputFrame


@dataclass(frozen=True)
class SentFrame:
    """One frame as it was sent."""

    shown: CharacterFrame
    timecode_frame: int
    timecode_sub_frame: float


@dataclass(frozen=True)
class PreparedFrames:
    """The faces of one tick, ready to be sent; preparing others replaces them."""

    tick: int
    """Of the device."""
    life: int
    """Of the faces."""
    due: float
    """Monotonic time."""
    frames: list[SentFrame]


class FrameSender:
    """The frame outputs of one sound output, and the timecode of their frames."""

    def __init__(self, outputs: Sequence[FrameOutput], wall_offset: Callable[[], float]) -> None:
        """Send to `outputs`; `wall_offset` returns the seconds from monotonic time to local time of day."""
        self.outputs = outputs
        self._wall_offset = wall_offset
        self._latest_offset = wall_offset()

    def prepare(self, tick: int, life: int, faces: list[CharacterFrame], due: float) -> PreparedFrames:
        """Return the faces of tick `tick`, due at `due`, encoded by all outputs."""
        self._latest_offset = max(self._latest_offset, self._wall_offset())
        frame, sub_frame = timecode(due + self._latest_offset)
        frames = [OutputFrame(face.character, face.values, frame, sub_frame) for face in faces]
        for output in self.outputs:
            output.prepare(frames)
        return PreparedFrames(tick, life, due, [SentFrame(face, frame, sub_frame) for face in faces])

    def send(self) -> None:
        """Send the frames that were prepared last, to every target."""
        for output in self.outputs:
            output.send()

    def close(self) -> None:
        """Release all sockets."""
        for output in self.outputs:
            output.close()
