"""The voice of a turn: sentences become one unbroken stream of sound, each made while the one before is heard."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol

import grpc

from neurosync.v1 import llm_pb2, media_pb2, tts_pb2
from neurosync.v1.orchestrator_pb2 import Stage
from services.common.errors import InactiveError
from services.orchestrator.connections import StageError, Stages, is_away
from services.orchestrator.transcript import Line, Script, Word
from services.orchestrator.watchdog import Patience, answers

ATTEMPTS = 2  # at a sentence of which nothing was heard; gRPC itself has retried what was merely unreachable
# Control characters cannot be spoken and are refused; as spaces they leave every character where it was.
_UNSPEAKABLE = {code: " " for code in (*range(32), *range(127, 160)) if chr(code) not in "\t\n\r"}
MAX_FAILURES = 2  # sentences in a row without sound, after which the turn gives up: the voice is not coming back


class Listener(Protocol):
    """Who takes the sound and decides when more is wanted."""

    async def on_sentence(self, line: Line) -> None:
        """Wait until the sentence is wanted, and prepare for its sound."""

    def on_speech_header(self, header: tts_pb2.SpeechHeader) -> None:
        """Hear who speaks."""

    def on_audio(self, chunk: media_pb2.AudioChunk) -> None:
        """Take sound; its samples count from the start of the turn."""

    def on_speech_finished(self, finished: tts_pb2.SpeechFinished) -> None:
        """Hear how long the voice took."""

    def on_line_finished(self, index: int, line: Line, phonemes: list[media_pb2.PhonemeTiming]) -> None:
        """Take a sentence whose sound is complete, or broke off."""

    def on_notice(self, failure: StageError) -> None:
        """Hear of a failure that the turn survives."""

    def on_slow(self, slow: StageError) -> None:
        """Hear that the voice takes its time."""


@dataclass(frozen=True)
class Manner:
    """How a turn is spoken."""

    voice: str
    speed: float
    sample_rate: int


async def speak(
    sentences: AsyncIterator[llm_pb2.Sentence], stages: Stages, manner: Manner, script: Script, listener: Listener
) -> int:
    """Speak sentences as they come, and return the number of samples made.

    Raises:
        StageError: The voice failed at several sentences in a row or at all of them, or refused the request as wrong.
    """
    made, failures, before = 0, 0, ""
    last: StageError | None = None
    async for sentence in sentences:
        line = script.begin(sentence.text, sentence.start_char, made)
        await listener.on_sentence(line)
        request = tts_pb2.SynthesizeRequest(
            text=sentence.text.translate(_UNSPEAKABLE),
            voice=manner.voice,
            sample_rate_hertz=manner.sample_rate,
            speed=manner.speed,
            previous_text=before,
        )
        try:
            made = await _speak_line(request, sentence.index, line, stages, listener)
            failures, before = 0, request.text
        except StageError as failure:
            line.end_sample, line.broken = made, True
            failures, last = failures + 1, failure
            if failures >= MAX_FAILURES or isinstance(failure, RefusedError):
                raise
            listener.on_notice(failure)
    if last is not None and not made:
        raise last
    return made


class RefusedError(StageError):
    """The voice will refuse every sentence of the turn in the same way."""


async def _speak_line(
    request: tts_pb2.SynthesizeRequest, index: int, line: Line, stages: Stages, listener: Listener
) -> int:
    """Speak one sentence and return the sample after its last; what was sent of it is never sent again."""
    for attempt in range(1, ATTEMPTS + 1):
        take = _Take(index, line, listener)
        patience = Patience(stages, Stage.STAGE_TTS, listener.on_slow)
        call = stages.tts.Synthesize(request, metadata=stages.metadata)
        try:
            async with contextlib.aclosing(answers(call, patience)) as events:
                async for event in events:
                    take.note(event)
            return take.finish()
        except (grpc.aio.AioRpcError, InactiveError) as error:
            failure = stages.failure(Stage.STAGE_TTS, error)
            if isinstance(error, grpc.aio.AioRpcError) and error.code() is grpc.StatusCode.INVALID_ARGUMENT:
                raise RefusedError(Stage.STAGE_TTS, str(failure)) from error
            if take.at_sample > line.start_sample:
                line.broken = True
                listener.on_notice(failure)
                return take.finish()
            if attempt == ATTEMPTS or (is_away(error) and not await stages.reconnected(Stage.STAGE_TTS)):
                raise failure from error
    raise AssertionError("the last attempt returns or raises")


class _Take:
    """One attempt at a sentence."""

    def __init__(self, index: int, line: Line, listener: Listener) -> None:
        self._index, self._line, self._listener = index, line, listener
        self._phonemes: list[media_pb2.PhonemeTiming] = []
        self.at_sample = line.start_sample

    def note(self, event: tts_pb2.SynthesizeResponse) -> None:
        """Move an event from the sentence's own count to the turn's."""
        match event.WhichOneof("event"):
            case "header":
                self._listener.on_speech_header(event.header)
            case "audio":
                chunk = media_pb2.AudioChunk(first_sample=self.at_sample, pcm=event.audio.pcm)
                self.at_sample += len(chunk.pcm) // 2
                self._listener.on_audio(chunk)
            case "timings":
                self._note_timings(event.timings)
            case "finished":
                self._listener.on_speech_finished(event.finished)

    def finish(self) -> int:
        """Close the line and return the sample after its last."""
        self._line.end_sample = self.at_sample
        if self._line.broken:  # words whose sound did not come are not said
            self._line.words = [word for word in self._line.words if word.end_sample <= self.at_sample]
        self._listener.on_line_finished(self._index, self._line, self._phonemes)
        return self.at_sample

    def _note_timings(self, timings: media_pb2.Timings) -> None:
        start, first_char = self._line.start_sample, self._line.start_char
        for word in timings.words:
            self._line.words.append(
                Word(
                    word.word,
                    first_char + word.start_char,
                    first_char + word.end_char,
                    start + word.start_sample,
                    start + word.end_sample,
                    word.estimated,
                )
            )
        for phoneme in timings.phonemes:
            moved = media_pb2.PhonemeTiming(
                phoneme=phoneme.phoneme,
                start_sample=start + phoneme.start_sample,
                end_sample=start + phoneme.end_sample,
            )
            self._phonemes.append(moved)
