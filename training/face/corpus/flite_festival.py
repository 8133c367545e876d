"""flite and Festival as voices: external programs with permissive licences that print when each phone ends.

Their speech is stretched in time and, by playing it at another rate, in vocal-tract length.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
import wave
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from training.face.corpus.voices import Spoken
from training.face.targets.phones import Segment, without_gaps

FLITE_VOICES = ("rms", "awb", "slt")
"""Statistical voices of two men and a woman; `kal` is missing because its printed times drift from its sound."""
FESTIVAL_VOICES = {"kal": "kal_diphone", "ked": "ked_diphone"}
"""Diphones of two men: packages festvox-kallpc16k and festvox-kdlpc16k."""
FESTIVAL_FOLDER = Path("/usr/share/festival/voices/english")


EARLY_SECONDS = 0.008
"""Lead of the printed times over the audio, compared with hibari's: where levels fit the phones best."""


def _arpabet(name: str) -> str:
    """Return a phone of flite or Festival in the alphabet of `phones`."""
    same = {"pau": "SIL", "axr": "ER", "el": "L", "em": "M", "en": "N", "ssil": "SIL", "nx": "N", "hv": "HH"}
    return same.get(name, name.upper())


def _segments(ends: list[tuple[str, float]], rate: int, played: int) -> list[Segment]:
    """Return the segments of (phone, end in seconds at `rate`) when the sound is played at `played` hertz."""
    segments, start = [], 0.0
    shift = EARLY_SECONDS * rate / played
    for name, end in ends:
        stop = end * rate / played
        segments.append(Segment(_arpabet(name), start and start + shift, stop + shift, int(name not in {"ax"})))
        start = stop
    return without_gaps(segments)


def _read(path: Path) -> tuple[NDArray[np.float32], int]:
    """Return a program's mono PCM16 file as samples, full scale 1.0, and its rate."""
    with wave.open(str(path)) as file:
        pcm = np.frombuffer(file.readframes(file.getnframes()), "<i2")
        return (pcm / 32768).astype(np.float32), file.getframerate()


class Flite:
    """One of flite's voices."""

    def __init__(self, voice: str) -> None:
        self._voice = voice

    @staticmethod
    def available() -> bool:
        """Whether the program is installed; the corpus is made without it otherwise."""
        return shutil.which("flite") is not None

    def speak(self, text: str, rng: np.random.Generator) -> Spoken | None:
        """Return the sentence at a random rate of speech and vocal-tract length."""
        stretch, size = rng.uniform(0.8, 1.35), rng.uniform(0.85, 1.18)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "speech.wav"
            flags = ["-voice", self._voice, "-psdur", "--setf", f"duration_stretch={stretch:.3f}"]
            command = ["flite", *flags, "-t", text + " ", "-o", str(path)]
            printed = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout
            sound, rate = _read(path)
        ends = [(name, float(end)) for name, end in re.findall(r"([a-z]+):([0-9.]+)", printed)]
        played = round(rate * size)  # faster and higher, timings shrink with it
        return Spoken(sound, played, _segments(ends, rate, played)) if len(ends) > 2 else None


class Festival:
    """One of Festival's diphone voices."""

    def __init__(self, voice: str) -> None:
        self._voice = FESTIVAL_VOICES[voice]

    @staticmethod
    def available() -> bool:
        """Whether the program and its voices are installed; the corpus is made without them otherwise."""
        voices = [FESTIVAL_FOLDER / voice for voice in FESTIVAL_VOICES.values()]
        return shutil.which("festival") is not None and all(voice.is_dir() for voice in voices)

    def speak(self, text: str, rng: np.random.Generator) -> Spoken | None:
        """Return the sentence at a random rate of speech and vocal-tract length."""
        stretch, size = rng.uniform(0.75, 1.2), rng.uniform(0.85, 1.25)
        plain = re.sub(r'["\\\\]', " ", text)
        with tempfile.TemporaryDirectory() as folder:
            script = Path(folder) / "say.scm"
            script.write_text(
                f"(voice_{self._voice})(Parameter.set 'Duration_Stretch {stretch:.3f})"
                f'(set! said (utt.synth (Utterance Text "{plain}")))'
                f'(utt.save.segs said "{folder}/segments")(utt.save.wave said "{folder}/speech.wav" \'riff)'
            )
            subprocess.run(["festival", "-b", str(script)], capture_output=True, timeout=60, check=True)
            sound, rate = _read(Path(folder) / "speech.wav")
            lines = (Path(folder) / "segments").read_text().splitlines()[1:]  # "0.2200 100 pau"
        ends = [(name, float(end)) for end, _, name in (line.split() for line in lines)]
        played = round(rate * size)
        return Spoken(sound, played, _segments(ends, rate, played)) if len(ends) > 2 else None
