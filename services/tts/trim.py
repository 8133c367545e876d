"""Trims the silence around a provider's phrases, puts pauses between them, and maps positions to the result."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from services.common.types import Pcm

AUDIBLE = round(0.006 * 32768)
"""Sample value (-44 dB) that speech exceeds and silence does not. Larger: soft first consonants are cut; smaller: a
noisy recording is never silent."""
LEAD_SECONDS = 0.015  # kept before the first audible sample: an onset is softer than its peak
RELEASE_SECONDS = 0.06  # kept after the last: a voice dies away
FADE_SECONDS = 0.005  # where silence was cut, so that it does not click
MAX_HELD_SECONDS = 2.0  # silence held back because it may be the last; a longer one is passed on


class Trimmer:
    """Cuts the silence before and after one phrase while it streams."""

    def __init__(self, sample_rate: int) -> None:
        """Trim audio at `sample_rate` Hz."""
        self._lead = round(LEAD_SECONDS * sample_rate)
        self._release = round(RELEASE_SECONDS * sample_rate)
        self._fade = round(FADE_SECONDS * sample_rate)
        self._max_held = round(MAX_HELD_SECONDS * sample_rate)
        self._held = np.zeros(0, np.int16)
        self.dropped = 0
        """Samples cut at the start so far."""
        self.audible = False
        """Whether any sample so far is audible."""

    def push(self, pcm: Pcm) -> Pcm:
        """Return the part that certainly stays; silence is held back until speech follows."""
        held = np.concatenate([self._held, pcm])
        loud = _loud(held)
        if not self.audible:
            start = max((int(loud[0]) if loud.size else len(held)) - self._lead, 0)
            self.dropped += start
            held, loud = held[start:], loud - start
            if loud.size:
                self.audible = True
                held = _faded_in(held, min(self._fade, int(loud[0])))
        certain = int(loud[-1]) + 1 - self._fade if loud.size else 0
        certain = max(certain, len(held) - self._max_held, 0) if self.audible else 0
        self._held = held[certain:]
        return held[:certain]

    def end(self) -> Pcm:
        """Return the rest: the voice's release, faded out. Nothing may be pushed afterwards."""
        if not self.audible:
            return np.zeros(0, np.int16)
        loud = _loud(self._held)
        end = (int(loud[-1]) + 1 if loud.size else 0) + self._release
        return _faded_in(self._held[:end][::-1], self._fade * 2)[::-1]


class PhraseTrack:
    """The phrases of one request, trimmed, with pauses between them."""

    def __init__(self, sample_rate: int) -> None:
        """Collect audio at `sample_rate` Hz."""
        self._rate = sample_rate
        self._trimmer = Trimmer(sample_rate)
        self._phrase_in = 0  # where the phrase starts in the provider's audio
        self._phrase_out = 0  # where it starts in the track
        self._received = 0
        self.length = 0
        """Samples returned so far."""

    @property
    def final_until(self) -> int:
        """The provider's sample up to which everything has been returned; before it, `place` is final."""
        if not self._trimmer.audible:
            return self._phrase_in
        return self._phrase_in + self._trimmer.dropped + self.length - self._phrase_out

    def push(self, pcm: Pcm) -> Pcm:
        """Return the part of the track that follows from more audio of the provider."""
        self._received += len(pcm)
        return self._returned(self._trimmer.push(pcm))

    def end_phrase(self) -> Pcm:
        """Return the rest of the phrase; `place` still maps its samples."""
        return self._returned(self._trimmer.end())

    def next_phrase(self, pause_seconds: float) -> Pcm:
        """Return the pause, after which the next phrase begins."""
        pause = self._returned(np.zeros(round(pause_seconds * self._rate), np.int16))
        self._trimmer = Trimmer(self._rate)
        self._phrase_in, self._phrase_out = self._received, self.length
        return pause

    def place(self, sample: int) -> int:
        """Return the track position of a sample of the provider's current phrase; what was cut lies at the edge."""
        moved = sample - self._phrase_in - self._trimmer.dropped + self._phrase_out
        return min(max(moved, self._phrase_out), self.length)

    def _returned(self, pcm: Pcm) -> Pcm:
        self.length += len(pcm)
        return pcm


def _loud(pcm: Pcm) -> npt.NDArray[np.intp]:
    return np.flatnonzero((pcm > AUDIBLE) | (pcm < -AUDIBLE))


def _faded_in(pcm: Pcm, count: int) -> Pcm:
    """Return `pcm` with its first `count` samples rising from zero."""
    count = min(count, len(pcm))
    faded = pcm.copy()
    faded[:count] = np.rint(pcm[:count] * (np.arange(count) / max(count, 1))).astype(np.int16)
    return faded
