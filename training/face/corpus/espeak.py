"""espeak-ng as a voice: formant synthesis with many variants and accents, and phones that English lacks.

The library reports the sample at which each phone begins, in IPA. Its voices sound plain, but each variant has its own
formants, and other languages' voices read English words as their speakers might: with rounded front vowels, trills,
back fricatives and other rhythms.
"""

from __future__ import annotations

import ctypes
import ctypes.util
from ctypes import POINTER, c_char, c_int, c_short, c_uint, c_void_p
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.face.corpus.voices import Spoken
from training.face.targets.phones import Segment, from_ipa

LIBRARY = "espeak-ng"
SYNCHRONOUS, OPTIONS = 2, 0x8003
"""Audio goes to a callback before the call returns; and: report phones, in IPA, and never exit the process."""
PHONE_EVENT = 7
RATE_PARAMETER, PITCH_PARAMETER, RANGE_PARAMETER = 1, 3, 4
UTF8 = 1
ENGLISH = ("en-us", "en", "en-gb-scotland", "en-us", "en-gb-x-rp", "en-us", "en-gb-x-gbclan")
OTHERS = ("de", "es", "fr", "it", "pt", "nl", "pl", "sv", "tr", "id", "ro", "hu", "fi", "cs")
VARIANTS = ("m1", "m2", "m3", "m4", "m5", "m6", "m7", "m8", "f1", "f2", "f3", "f4", "f5")
ENGLISH_SHARE = 0.6
STOPS, CLOSURE_SECONDS = ("P", "T", "K", "CH"), 0.040
"""The library counts the closure before a voiceless stop's burst to the phone before it, as the levels there show."""


class _Event(ctypes.Structure):
    """espeak_EVENT of espeak-ng's speak_lib.h (API revision 12)."""

    _fields_ = (
        ("type", c_int),
        ("unique_identifier", c_uint),
        ("text_position", c_int),
        ("length", c_int),
        ("audio_position", c_int),
        ("sample", c_int),
        ("user_data", c_void_p),
        ("name", c_char * 8),
    )


_Callback = ctypes.CFUNCTYPE(c_int, POINTER(c_short), c_int, POINTER(_Event))


class Espeak:
    """All variants, accents and languages, drawn at random for each sentence."""

    def __init__(self) -> None:
        self._library: Any = ctypes.CDLL(ctypes.util.find_library(LIBRARY))
        self._rate = self._library.espeak_Initialize(SYNCHRONOUS, 0, None, OPTIONS)
        if self._rate <= 0:
            raise RuntimeError("espeak-ng: cannot start; is espeak-ng-data installed?")
        self._sound: list[NDArray[np.int16]] = []
        self._begun: list[tuple[int, str]] = []
        self._callback = _Callback(self._receive)  # the library holds no reference
        self._library.espeak_SetSynthCallback(self._callback)

    @staticmethod
    def available() -> bool:
        """Whether the library is installed; the corpus is made without it otherwise."""
        return ctypes.util.find_library(LIBRARY) is not None

    def _receive(self, pcm: Any, count: int, events: Any) -> int:
        """Store the library's output: samples, and (first sample, name) of each phone."""
        if pcm and count > 0:
            self._sound.append(np.ctypeslib.as_array(pcm, (count,)).copy())
        index = 0
        while events[index].type:
            if events[index].type == PHONE_EVENT:
                self._begun.append((events[index].sample, events[index].name.decode("utf-8", "ignore")))
            index += 1
        return 0

    def speak(self, text: str, rng: np.random.Generator) -> Spoken | None:
        """Return the sentence by a random speaker."""
        languages = ENGLISH if rng.random() < ENGLISH_SHARE else OTHERS
        language = languages[int(rng.integers(len(languages)))]
        voice = f"{language}+{VARIANTS[int(rng.integers(len(VARIANTS)))]}"
        if self._library.espeak_SetVoiceByName(voice.encode()):
            raise RuntimeError(f"espeak-ng has no voice {voice}")
        for parameter, low, high in ((RATE_PARAMETER, 115, 215), (PITCH_PARAMETER, 15, 80), (RANGE_PARAMETER, 20, 90)):
            self._library.espeak_SetParameter(parameter, int(rng.integers(low, high)), 0)
        size = rng.uniform(0.88, 1.15)
        self._sound, self._begun = [], []
        data = text.encode() + b"\0"
        self._library.espeak_Synth(data, len(data), 0, 1, 0, UTF8, None, None)
        if len(self._begun) < 4:
            return None
        sound = (np.concatenate(self._sound) / 32768).astype(np.float32)
        played = round(self._rate * size)
        return Spoken(sound, played, self._segments(len(sound), played))

    def _segments(self, count: int, played: int) -> list[Segment]:
        """Return the phones of the last sentence, in seconds, for its `count` samples played at `played` hertz."""
        edges = [sample / played for sample, _ in self._begun] + [count / played]
        named = [
            name if not name.startswith("(") else "" for _, name in self._begun
        ]  # "(fr)": switch to another language
        return _with_closures(from_ipa(named, edges), CLOSURE_SECONDS * self._rate / played)


def _with_closures(segments: list[Segment], seconds: float) -> list[Segment]:
    """Return the segments with each voiceless stop starting at its closure."""
    moved = list(segments)
    for index in range(1, len(moved)):
        before, stop = moved[index - 1], moved[index]
        if stop.phone in STOPS:
            start = max(stop.start - seconds, (before.start + before.end) / 2)
            moved[index - 1], moved[index] = replace(before, end=start), replace(stop, start=start)
    return moved
