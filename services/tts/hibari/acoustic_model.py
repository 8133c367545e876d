"""The embedded voice's network and vocoder: phonemes in, sound out in pieces, with the length of every phoneme.

The network (hibari-tts 0.2.1, voice "heart", 24 kHz) maps phoneme ids to one spectrum frame every 12.5 ms; the vocoder
turns frames into sound by an inverse STFT, so the first pieces can leave before the last are computed. The network also
computes how long each id lasts but does not output it; naming that inner tensor as an output of the graph makes it.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources
from typing import Any

import numpy as np
import numpy.typing as npt

from services.common.types import Floats

logger = logging.getLogger(__name__)


SAMPLE_RATE = 24_000  # Hz
HOP = 300  # samples from one spectrum frame to the next
WINDOW = 1_200  # samples of one frame
FRAMES_PER_UNIT = 2  # durations count in steps of two frames
UNIT = FRAMES_PER_UNIT * HOP  # samples of one step: 25 ms
BINS = WINDOW // 2 + 1

MODEL_SHA256 = "5f70741d4e900f4e85d0037498736cc1b3e1b9a63a13546a5da1e63abf4fccd8"
DURATIONS = "/Cast_32_output_0"  # int64 (L,), in steps; the name holds for the file of this hash only
FIRST_PIECE = 48
"""Frames of the first piece: 0.6 s, of which half may be silence before the first phoneme. More: the first sound comes
later; fewer: it comes sooner, but the face, which needs 0.1 s of look-ahead, waits for the second piece."""
PIECE = 80  # frames (1 s) of each piece after the first
_OVERLAP = WINDOW // HOP  # frames that share a sample
_WINDOW_POWER = 1.5  # sum of the squared Hann windows over one sample


@dataclass(frozen=True)
class AcousticPrediction:
    """The network's output for a phoneme string."""

    parts: tuple[Floats, ...]
    """Five parts of the spectrum, each (BINS, frames): harmonic level and phase, noise level, free level and phase."""
    pitch: Floats
    """Fundamental frequency in Hz of each frame, (frames,)."""
    durations: npt.NDArray[np.int64] | None
    """Steps of each id, the silent ids at both ends included; None if the model is not the known one."""

    @property
    def frame_count(self) -> int:
        """Frames of the spectrum."""
        return len(self.pitch)


class AcousticModel:
    """The loaded network. Thread-safe: its runs share nothing."""

    def __init__(self) -> None:
        """Load it for one thread that sleeps while it waits, so that several calls share the cores fairly."""
        import onnxruntime

        raw = (resources.files("hibari") / "assets" / "hibari.onnx").read_bytes()
        self.exact = hashlib.sha256(raw).hexdigest() == MODEL_SHA256
        """Whether it is the known model, whose durations can be read."""
        if self.exact:
            raw = with_output(raw, DURATIONS)
        else:
            logger.warning("the voice's model is not the one of hibari-tts 0.2.1: timings are estimated")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 3
        self._session: Any = onnxruntime.InferenceSession(raw, options, providers=["CPUExecutionProvider"])
        vocabulary = (resources.files("hibari") / "assets" / "vocab.json").read_text(encoding="utf-8")
        self.symbols: dict[str, int] = json.loads(vocabulary)
        """Id of each character that a phoneme string may hold."""

    def predict(self, phonemes: str, speed: float) -> AcousticPrediction:
        """Run the network.

        Args:
            phonemes: Characters of `symbols`.
            speed: Speaking rate, 0.5 to 2.
        """
        ids = np.array([[0, *(self.symbols[character] for character in phonemes), 0]], np.int64)  # (1, L)
        outputs = self._session.run(None, {"ids": ids, "speed": np.array([speed], np.float32)})
        parts = tuple(part[0] for part in outputs[:5])
        return AcousticPrediction(parts, outputs[5][0], outputs[6] if self.exact else None)


def with_output(model: bytes, tensor: str) -> bytes:
    """Return an ONNX model that also outputs the int64 `tensor`.

    A protobuf message appended to another is merged into it, so a graph with one more output merges into the model's:
    ModelProto.graph (7) { GraphProto.output (12) { ValueInfoProto.name (1), type (2) { tensor_type (1) {...} } } }.
    """
    element = _field(1, b"\x08\x07")  # tensor_type { elem_type (1) = INT64 (7) }
    output = _field(1, tensor.encode()) + _field(2, element)
    return model + _field(7, _field(12, output))


def _field(number: int, body: bytes) -> bytes:
    """Return a length-delimited protobuf field."""
    return _varint(number << 3 | 2) + _varint(len(body)) + body


def _varint(value: int) -> bytes:
    digits = []
    while value > 0x7F:
        digits.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*digits, value])


def vocode(prediction: AcousticPrediction, first: int, last: int) -> Iterator[Floats]:
    """Yield the sound of frames `first` to `last` piece by piece, (last - first) * HOP samples in all, -1 to 1.

    S = exp(harmonic) e^{i pi tanh(phase)} STFT(pulses) + exp(noise) Z + exp(free) e^{i free phase}, then an inverse
    STFT by overlapping frames (as in hibari/dsp.py). The noise is drawn from a fixed seed: equal text, equal sound.
    """
    from hibari import dsp

    generator = np.random.default_rng(0)
    padded = np.pad(dsp.pulses(prediction.pitch), WINDOW // 2, mode="reflect")
    carry = np.zeros((_OVERLAP, HOP), np.float32)  # blocks begun by the frames before; the last one stays zero
    skip = _OVERLAP // 2  # frames are centred: the first half of the first one lies before the sound
    start = first
    while start < last:
        end = min(start + (FIRST_PIECE if start == first else PIECE), last)
        spectrum = _spectrum(prediction, padded, start, end, generator)  # (BINS, n)
        frames = dsp.irfft(spectrum.T, WINDOW, 1).astype(np.float32, copy=False) * dsp.WIN  # (n, WINDOW)
        count = end - start
        blocks = np.zeros((count + _OVERLAP, HOP), np.float32)
        blocks[:_OVERLAP] = carry
        for shift in range(_OVERLAP):
            blocks[shift : shift + count] += frames[:, shift * HOP : (shift + 1) * HOP]
        ready, carry = (blocks[:count], blocks[count:]) if end < last else (blocks[: count + skip], carry)
        yield ready[skip if start == first else 0 :].ravel() / np.float32(_WINDOW_POWER)
        start = end


def _spectrum(
    prediction: AcousticPrediction, padded: Floats, start: int, end: int, generator: np.random.Generator
) -> npt.NDArray[np.complex64]:
    """Return the spectrum (BINS, n) of frames `start` to `end`; `padded` holds the pulses, half a window around."""
    from hibari import dsp

    level, phase, noise, free, free_phase = (part[:, start:end] for part in prediction.parts)
    stretch = padded[start * HOP : (end - 1) * HOP + WINDOW]
    frames = np.lib.stride_tricks.sliding_window_view(stretch, WINDOW)[::HOP] * dsp.WIN_SRC  # (n, WINDOW)
    spectrum = dsp.rfft(frames, 1).T * (dsp.ex(level) * np.exp(1j * np.pi * np.tanh(phase)))
    drawn = generator.standard_normal((BINS, 2 * (end - start)), dtype=np.float32).view(np.complex64)
    spectrum += drawn * dsp.ex(noise) + dsp.ex(free) * np.exp(1j * free_phase)
    return np.asarray(spectrum, np.complex64)
