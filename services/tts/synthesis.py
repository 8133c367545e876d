"""One Synthesize call: prepares the text for each provider, and turns the provider's events into responses."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import AsyncGenerator, Callable, Sequence

from neurosync.v1 import tts_pb2
from services.common.wire import duration
from services.providers.failover import Failover
from services.text.spoken import Spoken, spoken
from services.tts.delivery import Delivery
from services.tts.pauses import Pauses
from services.tts.providers.speech_provider import SpeechAudio, SpeechProvider, SpeechRequest
from services.tts.synthesis_request import OUTPUT_SAMPLE_RATES, SynthesisRequest

logger = logging.getLogger(__name__)

Response = tts_pb2.SynthesizeResponse


class Synthesis:
    """Synthesizes one request and measures how long it takes."""

    def __init__(
        self,
        request: SynthesisRequest,
        voices: Sequence[tuple[SpeechProvider, str]],
        failover: Failover[SpeechProvider],
        pauses: Pauses,
        now: Callable[[], float],
    ) -> None:
        """Prepare the text; nothing is sent to a provider yet.

        Args:
            request: The request.
            voices: The providers to try, in order, each with the voice to use.
            failover: Tries them.
            pauses: The silence after each kind of punctuation.
            now: Returns the time in seconds, monotonic.
        """
        self._request, self._failover, self._pauses, self._now = request, failover, pauses, now
        reads_numbers = {provider.reads_numbers for provider, _ in voices}
        self._texts = {reads: spoken(request.text, expand=not reads) for reads in reads_numbers}
        self._attempts = [(provider, self._request_for(provider, voice)) for provider, voice in voices]
        self._provider, self._voice = voices[0]  # until another one speaks
        self._delivery: Delivery | None = None

    async def responses(self, started: float) -> AsyncGenerator[Response]:
        """Yield every response of the call, which began at `started`; none before the first audio."""
        first_audio = 0.0
        async with contextlib.aclosing(self._speech()) as speech:
            async for response in speech:
                first_audio = first_audio or self._now() - started
                yield response
        count, pause = 0, 0
        if self._delivery is not None:
            count, pause = self._delivery.sample_count, self._delivery.pause_count
        if not count:
            yield Response(header=self._header(self._provider.sample_rate))
        total = self._now() - started
        logger.info(
            "speech finished provider=%s samples=%d first_audio=%.3f total=%.3f",
            self._provider.name, count, first_audio, total,
        )  # fmt: skip
        finished = tts_pb2.SpeechFinished(
            sample_count=count, pause_sample_count=pause, first_audio=duration(first_audio), total=duration(total)
        )
        yield Response(finished=finished)

    async def _speech(self) -> AsyncGenerator[Response]:
        """Yield the header, the audio and the timings."""
        if not self._text.text:
            return
        stream = self._failover.stream(
            self._attempts,
            lambda provider, request: provider.speak(request),
            is_output=lambda event: isinstance(event, SpeechAudio),
        )
        async with contextlib.aclosing(stream) as events:
            async for provider, request, event in events:
                if self._delivery is None:
                    assert isinstance(event, SpeechAudio), "a provider's first event is audio"
                    self._provider, self._voice = provider, request.voice
                    header = self._header(event.sample_rate)
                    self._delivery = Delivery(header, self._request.text, self._text, event.sample_rate)
                for response in self._delivery.push(event):
                    yield response
        if self._delivery is not None:
            for response in self._delivery.end(self._pause()):
                yield response

    @property
    def _text(self) -> Spoken:
        """The text as the speaking provider gets it."""
        return self._texts[self._provider.reads_numbers]

    def _request_for(self, provider: SpeechProvider, voice: str) -> SpeechRequest:
        text = self._texts[provider.reads_numbers]
        words = tuple((word.start, word.end) for word in text.words)
        return SpeechRequest(text.text, words, voice, self._request.speed, self._request.previous_text)

    def _pause(self) -> float:
        """Return the closing pause in seconds."""
        gap = self._request.text[self._text.origins[-1] + 1 :]
        return max(self._pauses.after(self._text.text, gap) / self._request.speed, self._request.min_pause)

    def _header(self, provider_rate: int) -> tts_pb2.SpeechHeader:
        header = tts_pb2.SpeechHeader(provider=self._provider.name, voice=self._voice)
        header.format.sample_rate_hertz = self._request.sample_rate or min(
            max(provider_rate, OUTPUT_SAMPLE_RATES[0]), OUTPUT_SAMPLE_RATES[1]
        )
        return header
