"""What every face model offers, whatever runs it: sound in, frames of the 61 ARKit curves out.

model = LipModel()
stream = model.open(24_000)
frames = [stream.push(pcm) for pcm in chunks] + [stream.end()]
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from services.common.types import Pcm, Weights
from services.face.deferred_work import Work


@dataclass(frozen=True)
class ModelDescription:
    """What a caller may know about a model."""

    name: str
    """How requests name it."""
    engine: str
    """What runs it, such as `onnxruntime/CPU`."""
    animated_curves: tuple[str, ...]
    """ARKit names of the curves it moves; the others stay 0."""
    sample_rate: int
    """Hertz it hears at; other rates are converted."""
    frame_rate: int
    """Frames a second it gives."""
    look_ahead: int
    """Samples at `sample_rate` that a frame waits for beyond its own time."""
    hears_emotions: bool = False
    """Whether its streams are `HearsEmotions`."""


@dataclass(frozen=True)
class EmotionReading:
    """What a model hears of a speaker's emotions."""

    frame: int
    """From which on it holds, until the next one."""
    weights: tuple[float, ...]
    """Strengths, 0 to 1, of angry, disgusted, fearful, happy, neutral, sad, surprised."""


class FaceStream(Protocol):
    """One sound being animated. Not for several threads at once."""

    @property
    def look_ahead(self) -> int:
        """Samples, at the stream's own rate, that a frame waits for beyond its own time."""

    def push(self, pcm: Pcm) -> Weights:
        """Take more sound and return the frames that are certain now; frame k is for k / frame_rate seconds."""

    def flush(self) -> Weights:
        """Return the frames of all sound so far as if silence followed; the stream goes on with what it has heard."""

    def end(self) -> Weights:
        """Return the frames that are left: with these, ceil(frame_rate * seconds) were given."""


class FaceModel(Protocol):
    """A model that is loaded."""

    @property
    def description(self) -> ModelDescription:
        """What it is."""

    def open(self, sample_rate: int) -> FaceStream:
        """Return a new stream for sound at `sample_rate` hertz, 8000 to 192000."""

    def close(self) -> None:
        """Release what it holds; it is not used afterwards."""


@runtime_checkable
class HearsEmotions(Protocol):
    """A stream of a model that tells emotions as well."""

    def take_emotions(self) -> list[EmotionReading]:
        """Return what was heard in the frames given since the last call."""


@runtime_checkable
class AnimatesClips(Protocol):
    """A model that does better when it knows a whole clip."""

    def whole(
        self, sound: NDArray[np.float32], sample_rate: int
    ) -> Iterator[Work[tuple[Weights, list[EmotionReading]]]]:
        """Yield the work that makes the frames of mono float32 `sound`, shape (n,), with what was heard in them.

        It has to be done in this order, each before the next is asked for.
        """


@runtime_checkable
class SharesDevice(Protocol):
    """A model whose streams take turns at one device; they are `TakesTurns`."""

    def device_seconds(self) -> float:
        """Measure and return how long the device works for a second of one stream, when many share it."""

    @property
    def waiting(self) -> int:
        """Windows of sound that wait for the device."""


@runtime_checkable
class TakesTurns(Protocol):
    """A stream that waits for a shared device: what `FaceStream` does, as work that holds no thread meanwhile."""

    def pushing(self, pcm: Pcm) -> Work[Weights]:
        """Do `push`."""

    def flushing(self) -> Work[Weights]:
        """Do `flush`."""

    def ending(self) -> Work[Weights]:
        """Do `end`."""
