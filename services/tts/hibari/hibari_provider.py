"""The embedded voice: hibari speaks on the processor, without network or key, and knows when each phoneme sounds."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

import numpy as np

from services.common.precedence import give_way
from services.common.types import Floats, Pcm
from services.tts import level
from services.tts.hibari import acoustic_model as model
from services.tts.hibari import phoneme_times as phones
from services.tts.hibari import pronunciation as reading
from services.tts.hibari.pronunciation import Reading
from services.tts.pauses import Pauses
from services.tts.providers.speech_provider import Break, Event, Line, Phoneme, Sound, Span, Timed, VoiceInfo, Word
from services.tts.trim import AUDIBLE

T = TypeVar("T")

GAIN = 7.0  # decibels; the voice speaks at about -27 dB RMS, other voices at -20
WARM_UP_TEXT = "Hello, zyxtra."  # the second word is in no lexicon, so that the net for unknown words is loaded too
LEAVE_SECONDS = 0.005
"""That the first sound, which lasts 0.4 s, gets to leave before the cores compute again. Longer: nothing is won;
shorter: with two cores, the processes on its way to the ear wait for a slice of time, 4 ms each."""
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
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix="hibari", initializer=give_way)
        self._pauses = pauses
        self._voice: _Voice | None = None
        self._loading = asyncio.Lock()

    async def warm_up(self) -> None:
        """Load the voice and speak a short phrase."""
        async for _ in self.speak(Line(WARM_UP_TEXT, ())):
            pass

    async def speak(self, line: Line) -> AsyncGenerator[Event]:
        """Yield sound as it is computed; the times of a sentence follow its sound."""
        voice = await self._loaded()
        base, pause = 0, 0.0
        for span in reading.sentences(line.text):
            sentence, prediction = await self._in_thread(partial(voice.read, line, span))
            if prediction is None:
                continue
            if base:
                yield Break(pause / line.speed)
            async with contextlib.aclosing(self._sentence(line, sentence, prediction, base)) as events:
                async for event in events:
                    base += len(event.pcm) if isinstance(event, Sound) else 0
                    yield event
            pause = self._pauses.after(line.text[slice(*span)])

    async def _sentence(
        self, line: Line, read: Reading, prediction: model.Prediction, base: int
    ) -> AsyncGenerator[Event]:
        """Yield the sound, then the times, of one sentence; `base` is its first sample."""
        found = phones.segments(read.phonemes, list(prediction.durations)) if prediction.durations is not None else []
        first, last = _frames(found, prediction.frame_count)
        pieces = model.vocode(prediction, first, last)
        heard = _Heard()
        leaves = not base
        while (pcm := await self._in_thread(partial(_next_piece, pieces))) is not None:
            heard.listen(pcm)
            yield Sound(pcm, self.sample_rate)
            if leaves:
                await asyncio.sleep(LEAVE_SECONDS)
                leaves = False
        shift = first * model.HOP
        exact = phones.snapped(found, heard.start + shift, heard.end + shift)
        texts = [line.text[slice(*span)] for span in line.words]
        times = phones.word_times(read, texts, exact, heard.start + shift, heard.end + shift)
        yield _moved(Timed(times, phones.phoneme_times(exact)), base - shift)

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
    """What takes time to load."""

    def __init__(self) -> None:
        from hibari.g2p import G2P

        self.model = model.Model()
        self._g2p: Any = G2P()

    def read(self, line: Line, sentence: Span) -> tuple[Reading, model.Prediction | None]:
        """Return how a sentence of the line is read and spoken; no prediction if nothing of it can be spoken."""
        start, end = sentence
        words = [(index, (a - start, b - start)) for index, (a, b) in enumerate(line.words) if start <= a < end]
        read = reading.read(self._g2p, line.text[start:end], words, self.model.symbols)
        speaks = any(character not in reading.PAUSES for character in read.phonemes)
        return read, self.model.predict(read.phonemes, line.speed) if speaks else None


class _Heard:
    """Where the sound of one part begins and ends."""

    def __init__(self) -> None:
        self.start = 0
        """First audible sample."""
        self.end = 0
        """One past the last audible sample."""
        self._passed = 0

    def listen(self, pcm: Pcm) -> None:
        audible = np.flatnonzero(np.abs(pcm) > AUDIBLE)  # the limiter leaves no -32768, whose size int16 lacks
        if audible.size:
            self.start = self.start if self.end else self._passed + int(audible[0])
            self.end = self._passed + int(audible[-1]) + 1
        self._passed += len(pcm)


def _next_piece(pieces: Iterator[Floats]) -> Pcm | None:
    piece = next(pieces, None)
    return None if piece is None else level.louder(piece, GAIN)


def _frames(found: Sequence[phones.Segment], frame_count: int) -> tuple[int, int]:
    """Return which frames to make sound of: the silence at both ends is not worth computing."""
    if not found:
        return 0, frame_count
    first = found[0].start // model.HOP - _LEAD
    last = (found[-1].end + phones.LATENESS) // model.HOP + _TAIL
    return max(first, 0), min(last, frame_count)


def _moved(timed: Timed, by: int) -> Timed:
    words = [Word(word.index, word.start + by, word.end + by, word.estimated) for word in timed.words]
    sounds = [Phoneme(sound.symbol, sound.start + by, sound.end + by) for sound in timed.phonemes]
    return Timed(words, sounds)
