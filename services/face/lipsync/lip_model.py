"""The shipped face model: a small recurrent network in ONNX Runtime, loaded once and shared by all streams.

`assets/<name>.onnx` is the network (made by `training/face`); `<name>.json` beside it describes its outputs.
Its inputs are feature rows and three states, its outputs curves and the states for the next call, so a
stream costs a few kilobytes and streams are independent.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any, Literal

import numpy as np
import onnxruntime

from services.common.errors import ConfigurationError
from services.common.types import FRAME_RATE, Floats, Weights
from services.face.face_model import ModelDescription
from services.face.lipsync import DEFAULT_MODEL
from services.face.lipsync.lip_stream import LipStream, State
from services.face.lipsync.log_mel import ROW, SAMPLE_RATE, SILENCE
from services.face.lipsync.upper_face import MOVED
from services.face.sinc_resampler import reach
from services.media.curves import CURVE_COUNT, CURVE_NAMES, clamp

FEATURES_VERSION = 1
"""Raised whenever `log_mel` changes: a network works only with the features that it was trained on."""


@dataclass(frozen=True)
class NetworkMetadata:
    """Contents of the `.json` file beside a network."""

    channels: tuple[str, ...]
    """Curve of each output; a name that ARKit splits into Left and Right moves both."""
    delays: Mapping[int, int]
    """Look-ahead in milliseconds to the rows between a frame and the row whose output is that frame."""
    kernel: int
    """Rows in the input of the first layer."""
    width: int
    """Of the hidden states."""

    @classmethod
    def read(cls, text: str) -> NetworkMetadata:
        """Return the metadata in a JSON text.

        Raises:
            ConfigurationError: The network was trained on other features than this version computes.
        """
        fields = json.loads(text)
        if fields["features_version"] != FEATURES_VERSION:
            raise ConfigurationError(f"features_version: expected {FEATURES_VERSION}, got {fields['features_version']}")
        delays = {int(look_ahead): delay for look_ahead, delay in fields["delays"].items()}
        return cls(tuple(fields["channels"]), delays, fields["kernel"], fields["width"])


def _columns(channels: tuple[str, ...]) -> tuple[list[int], list[int]]:
    """Return the ARKit columns that the network moves, and the output for each."""
    sources = [
        (column, channels.index(base))
        for column, name in enumerate(CURVE_NAMES)
        for base in {name, name.removesuffix("Left").removesuffix("Right")}
        if base in channels
    ]
    return [column for column, _ in sources], [source for _, source in sources]


def _asset(name: str) -> tuple[bytes, NetworkMetadata]:
    """Return a network's bytes and its metadata.

    Raises:
        ConfigurationError: There is no such asset.
    """
    folder = resources.files("services.face.lipsync") / "assets"
    try:
        network, metadata = (folder / f"{name}.onnx").read_bytes(), (folder / f"{name}.json").read_text("utf-8")
    except OSError as error:
        raise ConfigurationError(
            f"model: expected a model shipped in services/face/lipsync/assets, got {name!r}"
        ) from error
    return network, NetworkMetadata.read(metadata)


def _session(network: bytes, provider: Literal["cpu", "cuda"]) -> Any:
    """Return an ONNX Runtime session for a network, on one thread.

    Raises:
        ConfigurationError: This onnxruntime has no such provider.
    """
    wanted = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}[provider]
    if wanted not in onnxruntime.get_available_providers():
        raise ConfigurationError(f"provider: this onnxruntime has no {wanted}; install onnxruntime-gpu or use cpu")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(network, options, providers=[wanted])


class LipModel:
    """The shipped network, loaded."""

    def __init__(
        self,
        name: str = DEFAULT_MODEL,
        *,
        provider: Literal["cpu", "cuda"] = "cpu",
        look_ahead: int = 100,
        upper_face: bool = True,
        voicing: bool = True,
    ) -> None:
        """Load an asset.

        Args:
            name: of the files in `services/face/lipsync/assets`.
            provider: what runs it; one stream needs a hundredth of a CPU core, so CUDA pays only for many.
            look_ahead: milliseconds of audio that a frame waits for beyond its own 1/60 s; one of `metadata.delays`.
            upper_face: whether brows, eyelid tension and head follow pitch and level of the voice.
            voicing: whether the mouth opens for voiced sound only; whispers then open it a quarter as far.

        Raises:
            ConfigurationError: There is no such asset or look-ahead, or this onnxruntime has no such provider.
        """
        network, self.metadata = _asset(name)
        if look_ahead not in self.metadata.delays:
            choices = ", ".join(map(str, self.metadata.delays))
            raise ConfigurationError(f"look_ahead: expected one of {choices} ms for {name}, got {look_ahead}")
        self.delay = self.metadata.delays[look_ahead]
        """Rows between a frame and the row whose output is that frame."""
        self.upper_face, self.voicing = upper_face, voicing
        self._session = _session(network, provider)
        self._to, sources = _columns(self.metadata.channels)
        first = list(self.metadata.delays).index(look_ahead) * len(self.metadata.channels)
        self._from = [first + source for source in sources]
        self._silent = self._after_silence()
        rule_curves = MOVED if upper_face else ()
        self.description = ModelDescription(
            name=name,
            engine=f"onnxruntime/{provider.upper()}",
            animated_curves=tuple(name for i, name in enumerate(CURVE_NAMES) if i in self._to or name in rule_curves),
            sample_rate=SAMPLE_RATE,
            frame_rate=FRAME_RATE,
            look_ahead=self.look_ahead(SAMPLE_RATE),
        )

    def look_ahead(self, rate: int) -> int:
        """Return the samples at `rate` that a frame waits for beyond its own time."""
        resampling = 0 if rate == SAMPLE_RATE else reach(rate, SAMPLE_RATE) + 2
        return -(-(self.delay + 1) * rate // FRAME_RATE) + resampling

    def open(self, sample_rate: int) -> LipStream:
        """Return a new stream for audio at `sample_rate` hertz."""
        return LipStream(self, sample_rate)

    def close(self) -> None:
        """Do nothing: the network is freed with its last stream."""

    def begin(self) -> State:
        """Return the network's state after silence."""
        return self._silent

    def _after_silence(self) -> State:
        """Return the state after a second of silence: from states of zeros, the network returns an average mouth."""
        hidden = np.zeros((1, 1, self.metadata.width), np.float32)
        before = np.full((1, self.metadata.kernel - 1, ROW), SILENCE, np.float32)
        return self.run(np.full((FRAME_RATE, ROW), SILENCE, np.float32), (before, hidden, hidden))[1]

    def run(self, rows: Floats, state: State) -> tuple[Weights, State]:
        """Map feature rows, shape (n, ROW), to frames (n, 61), and return the state after them as well."""
        inputs = {"rows": rows[None], "heard": state[0], "first": state[1], "second": state[2]}
        curves, *after = self._session.run(["curves", "heard_after", "first_after", "second_after"], inputs)
        frames = np.zeros((len(rows), CURVE_COUNT), np.float32)
        frames[:, self._to] = curves[0][:, self._from]
        return clamp(frames), (after[0], after[1], after[2])
