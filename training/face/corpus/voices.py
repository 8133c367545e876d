"""Synthetic voices that return the time of each phone, and hibari as one of them, with a new speaker per sentence.

hibari (Apache-2.0) predicts a source and a filter, so one recorded woman becomes many speakers with the same phone
times: other pitch and intonation, other vocal-tract length, other rate of speech. The durations are inside its graph;
they are read by declaring that tensor as one more output.
"""

from __future__ import annotations

import gzip
import hashlib
import itertools
import json
import re
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from training.face.targets.phones import Segment, from_misaki

DURATIONS = b"/Cast_32_output_0"
"""int64 (letters,) inside hibari 0.2.1's graph; one unit is two of its 12.5 ms frames."""
UNIT_SECONDS = 0.025
LATE_SECONDS = 0.055
"""Delay of hibari's phone times against its audio: the best fit of segment and energy edges."""
AUDIBLE_DB = -38.0
"""A phone has ended where the voice stays this far below its loud level."""
MODEL_SHA256 = "5f70741d"
"""First digits of the hash of the model file that DURATIONS and LATE_SECONDS were measured on."""


@dataclass(frozen=True)
class Spoken:
    """A synthesized sentence and its phones."""

    sound: NDArray[np.float32]
    """Samples, full scale 1.0."""
    rate: int
    """Hertz."""
    segments: list[Segment]


class Voice(Protocol):
    """Synthesizes sentences, each by another random speaker."""

    def speak(self, text: str, rng: np.random.Generator) -> Spoken | None:
        """Return the synthesized sentence, or None where this voice cannot speak it."""


def _field(number: int, payload: bytes) -> bytes:
    """Return a length-delimited protobuf field (payload below 128 bytes)."""
    return bytes([number << 3 | 2, len(payload)]) + payload


def _stretch(spectra: NDArray[np.float32], factor: float) -> NDArray[np.float32]:
    """Return (bins, frames) with every formant at `factor` times its frequency."""
    bins = len(spectra)
    source = np.minimum(np.arange(bins) / factor, bins - 1.001)
    low = source.astype(np.int64)
    part = (source - low).astype(np.float32)[:, None]
    return np.asarray(spectra[low] * (1 - part) + spectra[low + 1] * part, np.float32)


class Hibari:
    """The voice "heart", with random vocal tract, pitch and rate of speech for every sentence."""

    def __init__(self) -> None:
        from hibari import Hibari as Base
        from hibari import dsp

        base = Base(threads=1)
        model = Path(base.model_path).read_bytes()
        if not hashlib.sha256(model).hexdigest().startswith(MODEL_SHA256):
            raise RuntimeError(f"{base.model_path}: expected the model of hibari-tts 0.2.1, got another")
        int64 = _field(1, b"\x08\x07")  # TypeProto.tensor_type.elem_type
        output = _field(12, _field(1, DURATIONS) + _field(2, int64))  # GraphProto.output
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        model += _field(7, output)  # ModelProto.graph: repeated embedded messages merge
        self._session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        self._base: Any = base
        self._synth: Any = dsp.synth

    def speak(self, text: str, rng: np.random.Generator, *, plain: bool = False) -> Spoken | None:
        """Return the sentence by a random speaker, or by the voice's own if `plain`."""
        letters = "".join(self._base.phonemize(text))
        letters = "".join(letter for letter in letters if letter in self._base.vocab)
        if len(letters) < 3:
            return None
        speed = 1.0 if plain else float(rng.uniform(0.72, 1.4))
        inputs = {
            "ids": np.array([self._base.ids(letters)], np.int64),
            "speed": np.array([speed], np.float32),
        }
        *parts, f0, units = self._session.run(None, inputs)
        harmonics, phase, noise, rest, free = (part[0] for part in parts)
        f0, seconds = f0[0], units.reshape(-1) * UNIT_SECONDS
        if not plain:
            # a longer vocal tract speaks lower: both follow one random number, with some deviation
            size = rng.uniform(-1, 1)
            tract = 0.98 - 0.16 * size + rng.uniform(-0.05, 0.05)
            pitch = np.exp(-0.55 * size + rng.uniform(-0.25, 0.25) - 0.25)
            harmonics, phase, noise, rest = (_stretch(x, tract) for x in (harmonics, phase, noise, rest))
            f0 = _with_intonation(f0, float(np.clip(pitch, 0.40, 1.5)), float(rng.uniform(0.5, 1.7)))
        sound = self._synth(harmonics, phase, noise, rest, free, f0, rng)
        segments = [s.shifted(-LATE_SECONDS) for s in from_misaki(f" {letters} ", seconds)]
        segments[0] = Segment("SIL", min(0.0, segments[0].start), segments[0].end)
        segments[-1] = Segment(segments[-1].phone, segments[-1].start, len(sound) / 24_000)
        return Spoken(sound.astype(np.float32), 24_000, _ending_with_sound(segments, sound, 24_000))


def _ending_with_sound(segments: list[Segment], sound: NDArray[np.float32], rate: int) -> list[Segment]:
    """Return the segments with the last phone before each pause ended where it falls silent.

    The voice counts much of a pause to the phone before it, and the face would hold a final /m/ for as long.
    """
    hop = rate // 100
    energy = np.mean(sound[: len(sound) // hop * hop].reshape(-1, hop) ** 2, axis=1)
    is_audible = energy > np.percentile(energy, 95) * 10 ** (AUDIBLE_DB / 10)
    ended = list(segments)
    for index, (last, pause) in enumerate(itertools.pairwise(segments)):
        if pause.phone != "SIL" or last.phone == "SIL":
            continue
        first = max(0, round(last.start * 100))
        audible = np.flatnonzero(is_audible[first : round(last.end * 100)])
        silent_from = (first + audible[-1] + 1) / 100 + 0.01 if len(audible) else 0.0
        end = min(last.end, max(last.start + 0.04, silent_from))
        ended[index], ended[index + 1] = replace(last, end=end), replace(pause, start=end)
    return ended


def _with_intonation(f0: NDArray[np.float32], pitch: float, span: float) -> NDArray[np.float32]:
    """Return the pitch contour at `pitch` times its height, with its range scaled by `span`."""
    voiced = f0 > 40.0
    if not voiced.any():
        return f0
    log = np.log(f0[voiced])
    scaled = f0.copy()
    scaled[voiced] = np.clip(np.exp(log.mean() + np.log(pitch) + span * (log - log.mean())), 60.0, 500.0)
    return scaled


def dictionary() -> list[str]:
    """Return the common words of hibari's dictionary (misaki, Apache-2.0), sorted."""
    found = find_spec("hibari")
    if found is None or not found.origin:
        return []
    packed = (Path(found.origin).parent / "assets" / "lexicon_us_gold.json.gz").read_bytes()
    words = json.loads(gzip.decompress(packed))
    return sorted(word for word in words if re.fullmatch(r"[a-z]{2,11}", word))
