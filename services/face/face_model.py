"""The interface of all face models: audio in, frames of the 61 ARKit curves out.

model = LipModel()
stream = model.open(24_000)
frames = [stream.push(pcm) for pcm in chunks] + [stream.end()]
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from services.common.types import Floats, Pcm, Weights
from services.face.deferred_work import Work


@dataclass(frozen=True)
class ModelDescription:
    """The properties of a model, as `DescribeModels` returns them."""

    name: str
    """The model's name in requests."""
    engine: str
    """What runs it, such as `onnxruntime/CPU`."""
    animated_curves: tuple[str, ...]
    """ARKit names of the curves it moves; the others stay 0."""
    sample_rate: int
    """Hertz of its input; audio at other rates is resampled."""
    frame_rate: int
    """Frames a second of its output."""
    look_ahead: int
    """Samples at `sample_rate` that a frame waits for beyond its own time."""
    estimates_emotions: bool = False
    """Whether its streams are `EstimatesEmotions`."""


@dataclass(frozen=True)
class EmotionEstimate:
    """A speaker's emotions, estimated from the audio."""

    frame: int
    """First frame it holds for; it holds until the next estimate."""
    weights: tuple[float, ...]
    """Strengths, 0 to 1, in the order of `services.media.emotions.EMOTION_NAMES`."""


class FaceStream(Protocol):
    """One audio stream being animated. Not thread-safe."""

    @property
    def look_ahead(self) -> int:
        """Samples, at the stream's own rate, that a frame waits for beyond its own time."""

    def push(self, pcm: Pcm) -> Weights:
        """Take more audio and return the frames that are final now; frame k is for k / frame_rate seconds."""

    def flush(self) -> Weights:
        """Return the frames of all audio so far as if silence followed; the stream goes on with its state unchanged."""

    def end(self) -> Weights:
        """Return the remaining frames; together with these, the stream returned ceil(frame_rate * seconds)."""


class FaceModel(Protocol):
    """A loaded model."""

    @property
    def description(self) -> ModelDescription:
        """The model's properties."""

    def open(self, sample_rate: int) -> FaceStream:
        """Return a new stream for audio at `sample_rate` hertz, 8000 to 192000."""

    def close(self) -> None:
        """Release the model's resources; it is not used afterwards."""


@runtime_checkable
class EstimatesEmotions(Protocol):
    """A stream that estimates emotions as well."""

    def take_emotions(self) -> list[EmotionEstimate]:
        """Return the estimates of the frames returned since the last call."""


@runtime_checkable
class ClipModel(Protocol):
    """A model that gives better frames for a clip when it has the whole of it at once."""

    def animate_clip(self, sound: Floats, sample_rate: int) -> Iterator[Work[tuple[Weights, list[EmotionEstimate]]]]:
        """Yield the computations that return the frames of mono `sound`, shape (n,), with the emotions in them.

        They have to be run in this order, each before the next is requested.
        """


@runtime_checkable
class SharedDeviceModel(Protocol):
    """A model whose streams share one device; the streams are `DeferredStream`s."""

    def device_seconds(self) -> float:
        """Measure and return how long the device works for a second of one stream, when many share it."""

    @property
    def waiting(self) -> int:
        """Windows of audio that wait for the device."""


@runtime_checkable
class DeferredStream(Protocol):
    """A stream that offers the methods of `FaceStream` as `Work`, so that no thread waits for the device."""

    def push_work(self, pcm: Pcm) -> Work[Weights]:
        """Do `push`."""

    def flush_work(self) -> Work[Weights]:
        """Do `flush`."""

    def end_work(self) -> Work[Weights]:
        """Do `end`."""
