"""The embedded speech provider: hibari on the CPU, without network or key, with the time of every phoneme."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

import numpy as np

from services.common.scheduling import lower_priority
from services.common.types import Floats, Pcm
from services.tts import loudness
from services.tts.hibari import acoustic_model as model
from services.tts.hibari import phoneme_times as times
from services.tts.hibari import pronunciation
from services.tts.hibari.pronunciation import Pronunciation
from services.tts.pauses import Pauses
from services.tts.providers.speech_provider import (
    PhonemeTime,
    SentencePause,
    Span,
    SpeechAudio,
    SpeechEvent,
    SpeechRequest,
    SpeechTimings,
    VoiceInfo,
    WordTime,
)
from services.tts.settings import SpeechSettings
from services.tts.trim import AUDIBLE

T = TypeVar("T")

GAIN = 7.0  # decibels; the voice speaks at about -27 dB RMS, other voices at -20
WARM_UP_TEXT = "Hello, zyxtra."  # the second word is in no lexicon, so that the net for unknown words is loaded too
LEAVE_SECONDS = 0.005
"""Pause after the first piece (0.4 s of audio), so that it is sent before the cores compute again. Longer: no gain;
shorter: with two cores, the processes that pass it on wait for a slice of time, 4 ms each."""
_LEAD = 20  # frames (0.25 s) before the first phoneme that may hold sound
_TAIL = 16  # frames (0.2 s) after the last


class HibariProvider:
    """Speaks with hibari, each sentence in a thread."""

    name = "hibari"
    sample_rate = model.SAMPLE_RATE
    default_voice = "heart"
    reads_numbers = False

    def __init__(self, threads: int, pauses: Pauses) -> None:
        """Work on at most `threads` sentences at once; further ones wait, as many as the server takes calls."""
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix="hibari", initializer=lower_priority)
        self._pauses = pauses
        self._voice: _Voice | None = None
        self._loading = asyncio.Lock()

    async def warm_up(self) -> None:
        """Load the voice and speak a short phrase."""
        async for _ in self.speak(SpeechRequest(WARM_UP_TEXT, ())):
            pass

    async def speak(self, request: SpeechRequest) -> AsyncGenerator[SpeechEvent]:
        """Yield audio as it is computed; the times of a sentence follow its audio."""
        voice = await self._loaded()
        base, pause = 0, 0.0
        for span in pronunciation.sentences(request.text):
            sentence, prediction = await self._in_thread(partial(voice.predict, request, span))
            if prediction is None:
                continue
            if base:
                yield SentencePause(pause / request.speed)
            async with contextlib.aclosing(self._sentence(request, sentence, prediction, base)) as events:
                async for event in events:
                    base += len(event.pcm) if isinstance(event, SpeechAudio) else 0
                    yield event
            pause = self._pauses.after(request.text[slice(*span)])

    async def _sentence(
        self, request: SpeechRequest, sentence: Pronunciation, prediction: model.AcousticPrediction, base: int
    ) -> AsyncGenerator[SpeechEvent]:
        """Yield the audio, then the times, of one sentence; `base` is its first sample."""
        durations = prediction.durations
        found = times.segments(sentence.phonemes, list(durations)) if durations is not None else []
        first, last = _frames(found, prediction.frame_count)
        pieces = model.vocode(prediction, first, last)
        audible = _AudibleRange()
        leaves = not base
        while (pcm := await self._in_thread(partial(_next_piece, pieces))) is not None:
            audible.push(pcm)
            yield SpeechAudio(pcm, self.sample_rate)
            if leaves:
                await asyncio.sleep(LEAVE_SECONDS)
                leaves = False
        shift = first * model.HOP
        start, end = audible.start + shift, audible.end + shift
        exact = times.snapped(found, start, end)
        texts = [request.text[slice(*span)] for span in request.words]
        words = times.word_times(sentence, texts, exact, start, end)
        yield _moved(SpeechTimings(words, times.phoneme_times(exact)), base - shift)

    async def voices(self) -> Sequence[VoiceInfo]:
        """Return the one voice that comes with the package."""
        voice = await self._loaded()
        return [VoiceInfo(self.default_voice, "Heart", ["en-US"], self.sample_rate, voice.model.exact)]

    async def close(self) -> None:
        """Let running sentences finish and start no other."""
        self._executor.shutdown(wait=False, cancel_futures=True)

    async def _loaded(self) -> _Voice:
        async with self._loading:
            if self._voice is None:
                self._voice = await self._in_thread(_Voice)
        return self._voice

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._executor, work)


class _Voice:
    """The network and the lexicon, which take time to load."""

    def __init__(self) -> None:
        from hibari.g2p import G2P

        self.model = model.AcousticModel()
        self._g2p: Any = G2P()

    def predict(self, request: SpeechRequest, span: Span) -> tuple[Pronunciation, model.AcousticPrediction | None]:
        """Return the pronunciation of one sentence, and the network's output; None if nothing of it can be spoken."""
        start, end = span
        words = [(index, (a - start, b - start)) for index, (a, b) in enumerate(request.words) if start <= a < end]
        sentence = pronunciation.pronounce(self._g2p, request.text[start:end], words, self.model.symbols)
        speaks = any(character not in pronunciation.PAUSES for character in sentence.phonemes)
        return sentence, self.model.predict(sentence.phonemes, request.speed) if speaks else None


class _AudibleRange:
    """Where the audible part of one sentence's audio begins and ends."""

    def __init__(self) -> None:
        self.start = 0
        """First audible sample."""
        self.end = 0
        """One past the last audible sample."""
        self._passed = 0

    def push(self, pcm: Pcm) -> None:
        audible = np.flatnonzero(np.abs(pcm) > AUDIBLE)  # the limiter leaves no -32768, whose size int16 lacks
        if audible.size:
            self.start = self.start if self.end else self._passed + int(audible[0])
            self.end = self._passed + int(audible[-1]) + 1
        self._passed += len(pcm)


def _next_piece(pieces: Iterator[Floats]) -> Pcm | None:
    piece = next(pieces, None)
    return None if piece is None else loudness.amplify(piece, GAIN)


def _frames(found: Sequence[times.PhonemeSegment], frame_count: int) -> tuple[int, int]:
    """Return the range of frames to compute audio of: the silence at both ends is left out."""
    if not found:
        return 0, frame_count
    first = found[0].start // model.HOP - _LEAD
    last = (found[-1].end + times.LATENESS) // model.HOP + _TAIL
    return max(first, 0), min(last, frame_count)


def _moved(timings: SpeechTimings, by: int) -> SpeechTimings:
    words = [WordTime(word.index, word.start + by, word.end + by, word.estimated) for word in timings.words]
    phonemes = [PhonemeTime(one.symbol, one.start + by, one.end + by) for one in timings.phonemes]
    return SpeechTimings(words, phonemes)


def make_hibari(settings: SpeechSettings) -> HibariProvider:
    """Return the embedded voice, which needs nothing but the package."""
    return HibariProvider(settings.hibari_threads, settings.pauses)
