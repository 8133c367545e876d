"""One call of Synthesize, from what is asked to its last message."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import AsyncGenerator, Callable, Sequence

from neurosync.v1 import tts_pb2
from services.common.wire import duration
from services.text.spoken import Spoken, spoken
from services.tts.delivery import Delivery
from services.tts.pauses import Pauses
from services.tts.providers.speech_provider import Line, Provider, Sound
from services.tts.synthesis_request import SAMPLE_RATES, Asked
from services.tts.voices import Choice, Said

logger = logging.getLogger(__name__)

Response = tts_pb2.SynthesizeResponse


class Call:
    """Lets a provider speak and measures how long it takes."""

    def __init__(
        self,
        asked: Asked,
        chain: Sequence[tuple[Provider, str]],
        choice: Choice,
        pauses: Pauses,
        now: Callable[[], float],
    ) -> None:
        """Speak what is `asked` with the first of `chain` (provider and voice) that can.

        Args:
            asked: The request.
            chain: Who may speak with which voice, in order.
            choice: Lets them speak.
            pauses: What punctuation asks for.
            now: Tells the time in seconds, monotonic.
        """
        self._asked, self._chain = asked, chain
        self._choice, self._pauses, self._now = choice, pauses, now
        self._said = {reads: spoken(asked.text, expand=not reads) for reads in {p.reads_numbers for p, _ in chain}}
        self._speaker, self._voice = chain[0]
        self._delivery: Delivery | None = None

    async def responses(self, started: float) -> AsyncGenerator[Response]:
        """Yield every message of the call, which came in at `started`; none before the first sound."""
        first_audio = 0.0
        async with contextlib.aclosing(self._speech()) as speech:
            async for response in speech:
                first_audio = first_audio or self._now() - started
                yield response
        count, pause = 0, 0
        if self._delivery is not None:
            count, pause = self._delivery.sample_count, self._delivery.pause_count
        if not count:
            yield Response(header=self._header(self._speaker.sample_rate))
        total = self._now() - started
        logger.info(
            "spoken provider=%s samples=%d first_audio=%.3f total=%.3f", self._speaker.name, count, first_audio, total
        )
        finished = tts_pb2.SpeechFinished(
            sample_count=count, pause_sample_count=pause, first_audio=duration(first_audio), total=duration(total)
        )
        yield Response(finished=finished)

    async def _speech(self) -> AsyncGenerator[Response]:
        """Yield the header, the sound and the timings."""
        if not self._own.text:
            return
        lines = [(provider, self._line(provider, voice)) for provider, voice in self._chain]
        async with contextlib.aclosing(self._choice.speak(lines)) as events:
            async for said in events:
                for response in self._delivered(said).take(said.event):
                    yield response
        if self._delivery is not None:
            for response in self._delivery.end(self._pause()):
                yield response

    def _delivered(self, said: Said) -> Delivery:
        """Return the delivery of the call, made when the first sound says who speaks at which rate."""
        if self._delivery is None:
            assert isinstance(said.event, Sound), "a provider's first event is sound"
            self._speaker, self._voice = said.provider, said.voice
            rate = said.event.sample_rate
            self._delivery = Delivery(self._header(rate), self._asked.text, self._own, rate)
        return self._delivery

    @property
    def _own(self) -> Spoken:
        """What the speaking provider is given of the text."""
        return self._said[self._speaker.reads_numbers]

    def _line(self, provider: Provider, voice: str) -> Line:
        said = self._said[provider.reads_numbers]
        words = tuple((word.start, word.end) for word in said.words)
        return Line(said.text, words, voice, self._asked.speed, self._asked.previous_text)

    def _pause(self) -> float:
        """Return the closing pause in seconds."""
        gap = self._asked.text[self._own.origins[-1] + 1 :]
        return max(self._pauses.after(self._own.text, gap) / self._asked.speed, self._asked.min_pause)

    def _header(self, own_rate: int) -> tts_pb2.SpeechHeader:
        header = tts_pb2.SpeechHeader(provider=self._speaker.name, voice=self._voice)
        header.format.sample_rate_hertz = self._asked.sample_rate or min(
            max(own_rate, SAMPLE_RATES[0]), SAMPLE_RATES[1]
        )
        return header
