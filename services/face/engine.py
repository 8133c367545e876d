"""What every face model offers, whatever runs it: sound in, frames of the 61 ARKit curves out.

model = LipModel()
stream = model.open(24_000)
frames = [stream.push(pcm) for pcm in chunks] + [stream.end()]
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

Pcm: TypeAlias = NDArray[np.int16]
"""Mono samples, shape (n,)."""
Weights: TypeAlias = NDArray[np.float32]
"""Frames in ARKit order, shape (n, 61)."""


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
