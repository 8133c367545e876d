"""The tts stage of a turn: takes sentences, yields one unbroken stream of sound with the time of every word.

Each sentence is synthesized while the one before it is heard.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import TypeAlias

import grpc

from neurosync.v1 import llm_pb2, media_pb2, tts_pb2
from neurosync.v1.orchestrator_pb2 import Stage
from neurosync.v1.outcome_pb2 import Reason
from services.common.errors import InactiveError
from services.orchestrator.record.transcript import TranscriptWord
from services.orchestrator.stages.connections import Connections, StageError, is_away
from services.orchestrator.stages.events import SentenceFinished, SentenceStarted, StageNotice, WordsTimed
from services.orchestrator.stages.watchdog import Watchdog, read

ATTEMPTS = 2  # at a sentence of which nothing was heard; gRPC itself has retried what was merely unreachable
MAX_FAILURES = 2  # sentences in a row without sound, after which the turn gives up: the voice is not coming back
# Control characters cannot be spoken and are refused; replaced by spaces they leave every character where it was.
_UNSPEAKABLE = {code: " " for code in (*range(32), *range(127, 160)) if chr(code) not in "\t\n\r"}

SpeechEvent: TypeAlias = (
    SentenceStarted
    | tts_pb2.SpeechHeader
    | media_pb2.AudioChunk
    | WordsTimed
    | SentenceFinished
    | tts_pb2.SpeechFinished
    | StageNotice
)


@dataclass(frozen=True)
class VoiceOptions:
    """How the sentences of a turn are spoken."""

    voice: str
    """As SpeechService.ListVoices names it; empty: the default."""
    speed: float
    """0.5 to 2; 0 stands for 1."""
    sample_rate: int
    """Hertz, of the turn's sound."""


async def speak(
    sentences: AsyncIterator[llm_pb2.Sentence],
    connections: Connections,
    options: VoiceOptions,
    wanted: Callable[[int, int], Awaitable[None]],
) -> AsyncGenerator[SpeechEvent, None]:
    """Synthesize sentences as they come; samples of all events count from the start of the turn.

    Args:
        sentences: What to speak.
        connections: Reaches the voice.
        options: How to speak.
        wanted: Waits until a sentence is to be made; takes the first samples of the sentence before and of this one.

    Raises:
        StageError: The voice failed at several sentences in a row or at all of them, or refused the request as wrong.
    """
    made, before, failures, previous_text = 0, -1, 0, ""
    last: StageError | None = None
    async for sentence in sentences:
        await wanted(before, made)
        before = made
        yield SentenceStarted(sentence.text, sentence.start_char, made)
        request = tts_pb2.SynthesizeRequest(
            text=sentence.text.translate(_UNSPEAKABLE),
            voice=options.voice,
            sample_rate_hertz=options.sample_rate,
            speed=options.speed,
            previous_text=previous_text,
        )
        utterance = _Utterance(sentence, made, connections)
        try:
            async with contextlib.aclosing(utterance.events(request)) as events:
                async for event in events:
                    yield event
            made, failures, previous_text = utterance.end_sample, 0, request.text
        except StageError as failure:
            yield SentenceFinished(sentence.index, made, is_broken=True)
            failures, last = failures + 1, failure
            if failures >= MAX_FAILURES or failure.reason == Reason.REASON_STAGE_REFUSED:
                raise
            yield StageNotice(failure)
    if last is not None and not made:
        raise last


class _Utterance:
    """The sound of one sentence."""

    def __init__(self, sentence: llm_pb2.Sentence, start_sample: int, connections: Connections) -> None:
        self.end_sample = start_sample
        """One past the last sample that came."""
        self._sentence, self._start_sample, self._connections = sentence, start_sample, connections
        self._phonemes: list[media_pb2.PhonemeTiming] = []

    async def events(self, request: tts_pb2.SynthesizeRequest) -> AsyncGenerator[SpeechEvent, None]:
        """Synthesize the sentence; sound that came is never asked for again.

        Raises:
            StageError: No sound came.
        """
        for attempt in range(1, ATTEMPTS + 1):
            try:
                async with contextlib.aclosing(self._call(request)) as events:
                    async for event in events:
                        yield event
                yield self._finished(is_broken=False)
                return
            except (grpc.aio.AioRpcError, InactiveError) as error:
                failure = self._connections.failure(Stage.STAGE_TTS, error)
                if self.end_sample > self._start_sample:
                    yield StageNotice(failure)
                    yield self._finished(is_broken=True)
                    return
                if failure.reason == Reason.REASON_STAGE_REFUSED or attempt == ATTEMPTS:
                    raise failure from error
                if is_away(error) and not await self._connections.is_connected(Stage.STAGE_TTS):
                    raise failure from error

    async def _call(self, request: tts_pb2.SynthesizeRequest) -> AsyncGenerator[SpeechEvent, None]:
        watchdog = Watchdog(self._connections, Stage.STAGE_TTS)
        call = self._connections.tts.Synthesize(request, metadata=self._connections.metadata)
        reading = read(call, watchdog, always_owes=True)
        async with contextlib.aclosing(reading) as answers:
            async for answer in answers:
                if isinstance(answer, StageError):
                    yield StageNotice(answer)
                    continue
                match answer.WhichOneof("event"):
                    case "header":
                        yield answer.header
                    case "audio":
                        chunk = media_pb2.AudioChunk(first_sample=self.end_sample, pcm=answer.audio.pcm)
                        self.end_sample += len(chunk.pcm) // 2
                        yield chunk
                    case "timings":
                        self._phonemes += [self._moved(phoneme) for phoneme in answer.timings.phonemes]
                        yield WordsTimed(tuple(self._word(word) for word in answer.timings.words))
                    case "finished":
                        yield answer.finished

    def _finished(self, *, is_broken: bool) -> SentenceFinished:
        return SentenceFinished(self._sentence.index, self.end_sample, is_broken, tuple(self._phonemes))

    def _word(self, word: media_pb2.WordTiming) -> TranscriptWord:
        """Return a word with its positions moved from the sentence to the reply and the turn."""
        return TranscriptWord(
            word.word,
            self._sentence.start_char + word.start_char,
            self._sentence.start_char + word.end_char,
            self._start_sample + word.start_sample,
            self._start_sample + word.end_sample,
            word.estimated,
        )

    def _moved(self, phoneme: media_pb2.PhonemeTiming) -> media_pb2.PhonemeTiming:
        return media_pb2.PhonemeTiming(
            phoneme=phoneme.phoneme,
            start_sample=self._start_sample + phoneme.start_sample,
            end_sample=self._start_sample + phoneme.end_sample,
        )
