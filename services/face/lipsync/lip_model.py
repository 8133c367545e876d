"""The face model that ships with NeuroSync: a small recurrent network in ONNX Runtime.

`assets/<name>.onnx` is the network (see `training/face`), `<name>.json` beside it says what its outputs are.
Its input is feature rows and three states, its output curves and the states to give next time, so a
stream costs a few kilobytes and streams do not touch each other.
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
from services.common.types import FRAME_RATE, Floats, Pcm, Weights
from services.face.face_model import ModelDescription
from services.face.lipsync.log_mel import ROW, SAMPLE_RATE, SILENCE, FeatureStream
from services.face.lipsync.sinc_resampler import Resampler, reach
from services.face.lipsync.upper_face import MOVED
from services.face.lipsync.voice_motion import Melody
from services.media.curves import CURVE_COUNT, CURVE_NAMES, clamp

DEFAULT_MODEL = "lipsync"
FEATURES_VERSION = 1
"""Raised whenever `features` changes: a network hears only what it was trained on."""
EASE_FRAMES = 6
"""Frames over which the jump between a flushed ending and what really followed is taken back (100 ms)."""

State = tuple[Floats, Floats, Floats]
"""Rows heard last (1, kernel - 1, ROW), and two hidden states (1, 1, width)."""


@dataclass(frozen=True)
class Facts:
    """The `.json` beside a network."""

    channels: tuple[str, ...]
    """Curve of each output; a name that ARKit splits in Left and Right moves both."""
    delays: Mapping[int, int]
    """Look-ahead in milliseconds to the rows between a frame and the row that answers for it."""
    kernel: int
    """Rows that the first layer sees."""
    width: int
    """Of the hidden states."""

    @classmethod
    def read(cls, text: str) -> Facts:
        """Return the facts of a JSON text.

        Raises:
            ConfigurationError: The network was trained on other features than this version computes.
        """
        facts = json.loads(text)
        if facts["features_version"] != FEATURES_VERSION:
            raise ConfigurationError(f"features_version: expected {FEATURES_VERSION}, got {facts['features_version']}")
        delays = {int(look_ahead): delay for look_ahead, delay in facts["delays"].items()}
        return cls(tuple(facts["channels"]), delays, facts["kernel"], facts["width"])


def _columns(channels: tuple[str, ...]) -> tuple[list[int], list[int]]:
    """Return the ARKit columns that move, and the output that moves each."""
    sources = [
        (column, channels.index(base))
        for column, name in enumerate(CURVE_NAMES)
        for base in {name, name.removesuffix("Left").removesuffix("Right")}
        if base in channels
    ]
    return [column for column, _ in sources], [source for _, source in sources]


def _asset(name: str) -> tuple[bytes, Facts]:
    """Return a network's bytes and its facts.

    Raises:
        ConfigurationError: There is no such asset.
    """
    folder = resources.files("services.face.lipsync") / "assets"
    try:
        network, facts = (folder / f"{name}.onnx").read_bytes(), (folder / f"{name}.json").read_text("utf-8")
    except OSError as error:
        raise ConfigurationError(
            f"model: expected a model shipped in services/face/lipsync/assets, got {name!r}"
        ) from error
    return network, Facts.read(facts)


def _session(network: bytes, provider: Literal["cpu", "cuda"]) -> Any:
    """Return what runs a network, on one thread.

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
            look_ahead: milliseconds after its own 1/60 s that a frame waits for; the network answers for a few choices.
            upper_face: whether brows, lids' tension and head follow the melody of the voice.
            voicing: whether the mouth opens for voices only; whispers then open it a quarter as far.

        Raises:
            ConfigurationError: There is no such asset or choice, or this onnxruntime has no such provider.
        """
        network, self.facts = _asset(name)
        if look_ahead not in self.facts.delays:
            choices = ", ".join(map(str, self.facts.delays))
            raise ConfigurationError(f"look_ahead: expected one of {choices} ms for {name}, got {look_ahead}")
        self.delay = self.facts.delays[look_ahead]
        """Rows between a frame and the row that answers for it."""
        self.upper_face, self.voicing = upper_face, voicing
        self._session = _session(network, provider)
        self._to, sources = _columns(self.facts.channels)
        chosen = list(self.facts.delays).index(look_ahead) * len(self.facts.channels)
        self._from = [chosen + source for source in sources]
        self._silent = self._settled()
        above = MOVED if upper_face else ()
        self.description = ModelDescription(
            name=name,
            engine=f"onnxruntime/{provider.upper()}",
            animated_curves=tuple(name for i, name in enumerate(CURVE_NAMES) if i in self._to or name in above),
            sample_rate=SAMPLE_RATE,
            frame_rate=FRAME_RATE,
            look_ahead=self.look_ahead(SAMPLE_RATE),
        )

    def look_ahead(self, rate: int) -> int:
        """Return the samples at `rate` that a frame waits for beyond its own time."""
        converting = 0 if rate == SAMPLE_RATE else reach(rate) + 2
        return -(-(self.delay + 1) * rate // FRAME_RATE) + converting

    def open(self, sample_rate: int) -> LipStream:
        """Return a new stream for sound at `sample_rate` hertz."""
        return LipStream(self, sample_rate)

    def close(self) -> None:
        """Do nothing: the network goes with its last stream."""

    def begin(self) -> State:
        """Return the state of a network that has heard silence only."""
        return self._silent

    def _settled(self) -> State:
        """Return the state after a second of silence: from nothing at all the network guesses an average mouth."""
        hidden = np.zeros((1, 1, self.facts.width), np.float32)
        heard = np.full((1, self.facts.kernel - 1, ROW), SILENCE, np.float32)
        return self.run(np.full((FRAME_RATE, ROW), SILENCE, np.float32), (heard, hidden, hidden))[1]

    def run(self, rows: Floats, state: State) -> tuple[Weights, State]:
        """Answer feature rows of shape (n, ROW) with frames (n, 61), and the state after them."""
        feeds = {"rows": rows[None], "heard": state[0], "first": state[1], "second": state[2]}
        curves, *after = self._session.run(["curves", "heard_after", "first_after", "second_after"], feeds)
        frames = np.zeros((len(rows), CURVE_COUNT), np.float32)
        frames[:, self._to] = curves[0][:, self._from]
        return clamp(frames), (after[0], after[1], after[2])


class LipStream:
    """One sound being animated by a `LipModel`."""

    def __init__(self, model: LipModel, sample_rate: int) -> None:
        """Start with silence behind."""
        self._model = model
        self._rate = sample_rate
        self._resampler = Resampler(sample_rate)
        self._features = FeatureStream()
        self._melody = (
            Melody(model.delay, upper_face=model.upper_face, voicing=model.voicing)
            if model.upper_face or model.voicing
            else None
        )
        self._state = model.begin()
        self._heard = 0  # samples pushed, at the stream's rate
        self._answered = -model.delay  # frame that the next row answers for
        self._given = 0  # frames returned to the caller
        self._last: Weights = np.zeros(CURVE_COUNT, np.float32)  # the last of them
        self._jump: Weights | None = None  # from what was true at a flushed ending to what was given
        self._jumped_at = 0  # first frame after that ending

    @property
    def look_ahead(self) -> int:
        """Samples, at the stream's own rate, that a frame waits for beyond its own time."""
        return self._model.look_ahead(self._rate)

    def push(self, pcm: Pcm) -> Weights:
        """Take more sound and return the frames that are certain now."""
        self._heard += len(pcm)
        return self._give(self._answer(pcm.astype(np.float32) / np.float32(32768)))

    def flush(self) -> Weights:
        """Return the frames of all sound so far as if silence followed; the stream goes on with what it has heard."""
        twin = LipStream(self._model, self._rate)
        twin._resampler, twin._features = self._resampler.copy(), self._features.copy()
        twin._melody = self._melody and self._melody.copy()
        twin._state, twin._answered, twin._heard = self._state, self._answered, self._heard
        twin._given, twin._last = self._given, self._last
        twin._jump, twin._jumped_at = self._jump, self._jumped_at
        frames = twin.end()
        self._given, self._last = twin._given, twin._last
        return frames

    def end(self) -> Weights:
        """Return the frames that are left: with these, ceil(60 * seconds) were given."""
        wanted = -(-self._heard * FRAME_RATE // self._rate)
        after = np.zeros(self.look_ahead + 2 * self._rate // FRAME_RATE, np.float32)
        first, frames = self._answer(after)
        return self._give((first, frames[: max(0, wanted - first)]))

    def _answer(self, sound: Floats) -> tuple[int, Weights]:
        """Return the frames that `sound` makes certain, and the index of the first; it may be below 0."""
        first = self._answered
        answers = [np.zeros((0, CURVE_COUNT), np.float32)]
        for start in range(0, len(sound), self._rate):  # a second at a time bounds what is held
            heard = self._resampler.push(sound[start : start + self._rate])
            rows = self._features.push(heard)
            if self._melody:
                self._melody.hear(heard)
            if len(rows):
                frames, self._state = self._model.run(rows, self._state)
                if self._melody:
                    self._melody.add(frames)
                answers.append(frames)
                self._answered += len(rows)
        return first, np.concatenate(answers)

    def _give(self, answered: tuple[int, Weights]) -> Weights:
        """Return the frames not given before, eased in where a flush had guessed the ones before them."""
        first, frames = answered
        ending = self._given - 1  # a frame that is answered again was a guess of `flush`; now the truth is known
        if first <= ending < first + len(frames) and ending >= 0:
            self._jump, self._jumped_at = self._last - frames[ending - first], self._given
        fresh = frames[max(0, self._given - first) :]
        if not len(fresh):
            return fresh
        if self._jump is not None:
            age = np.arange(self._given, self._given + len(fresh)) - self._jumped_at + 1
            left = np.maximum(0.0, 1 - age / EASE_FRAMES).astype(np.float32)
            fresh = clamp(fresh + left[:, None] * self._jump)
            self._jump = self._jump if left[-1] > 0 else None
        self._given += len(fresh)
        self._last = fresh[-1]
        return fresh
