"""The voice service: checks what is asked, lets a provider speak, and sends what it says."""

from __future__ import annotations

import contextlib
import logging
import math
import time
import unicodedata
from collections.abc import AsyncGenerator
from dataclasses import dataclass

import grpc

from neurosync.v1 import tts_pb2, tts_pb2_grpc
from services.errors import BadRequestError, BusyError
from services.text.spoken import Spoken, spoken
from services.tts.breaker import Breaker
from services.tts.choice import Choice
from services.tts.delivery import Delivery
from services.tts.elevenlabs import ElevenLabsProvider
from services.tts.hibari import HibariProvider
from services.tts.local import LocalProvider
from services.tts.pauses import Pauses
from services.tts.provider import Line, Provider, Sound
from services.tts.settings import SpeechSettings
from services.wire import check_sample_rate, duration, seconds_of

logger = logging.getLogger(__name__)

MAX_CHARS = 5_000  # code points of a text
SAMPLE_RATES = (8_000, 48_000)  # hertz, lowest and highest to be asked for
SPEEDS = (0.5, 2.0)
MAX_PAUSE = 2.0  # seconds

Response = tts_pb2.SynthesizeResponse


@dataclass(frozen=True)
class Asked:
    """A request that was found in order."""

    text: str
    voice: str
    sample_rate: int
    """Hertz; 0: the voice's own."""
    speed: float
    min_pause: float
    """Seconds."""
    previous_text: str


class SpeechService(tts_pb2_grpc.SpeechServiceServicer):
    """Speaks text with the providers that the settings name."""

    name = "neurosync.v1.SpeechService"

    def __init__(self, settings: SpeechSettings) -> None:
        """Set up the providers; nothing is loaded before `warm_up` or the first call."""
        self._pauses = Pauses(
            settings.pause_clause, settings.pause_sentence, settings.pause_paragraph, settings.pause_unmarked
        )
        self._choice = Choice(
            build_providers(settings, self._pauses),
            lambda: Breaker(settings.breaker_failures, settings.breaker_seconds),
            time.monotonic,
        )
        self._max_calls = settings.max_calls
        self._calls = 0

    def register(self, server: grpc.aio.Server) -> None:
        """Add the handlers to a server."""
        tts_pb2_grpc.add_SpeechServiceServicer_to_server(self, server)

    async def warm_up(self) -> None:
        """Load the providers; the embedded voice speaks a short phrase."""
        names = [provider.name for provider in self._choice.providers]
        logger.info("voice provider=%s fallbacks=%s", names[0], ",".join(names[1:]) or "none")
        await self._choice.warm_up()

    async def close(self) -> None:
        """Release what the providers hold."""
        await self._choice.close()

    async def Synthesize(  # noqa: N802
        self, request: tts_pb2.SynthesizeRequest, context: grpc.aio.ServicerContext[tts_pb2.SynthesizeRequest, Response]
    ) -> AsyncGenerator[Response]:
        """Speak one text."""
        started = time.monotonic()
        asked = checked(request)
        if self._calls >= self._max_calls:
            raise BusyError(f"{self._calls} calls are speaking, the most that max_calls allows")
        self._calls += 1
        try:
            chain = await self._choice.resolve(asked.voice)
            async with contextlib.aclosing(self._speak(asked, chain, started)) as responses:
                async for response in responses:
                    yield response
        finally:
            self._calls -= 1

    async def _speak(self, asked: Asked, chain: list[tuple[Provider, str]], started: float) -> AsyncGenerator[Response]:
        said = {numbers: spoken(asked.text, expand=not numbers) for numbers in {p.reads_numbers for p, _ in chain}}
        delivery: Delivery | None = None
        first_audio = 0.0
        speaker, voice = chain[0]
        if said[speaker.reads_numbers].text:
            lines = [(provider, _line(asked, said[provider.reads_numbers], name)) for provider, name in chain]
            async with contextlib.aclosing(self._choice.speak(lines)) as events:
                async for speaker, voice, event in events:
                    if delivery is None and isinstance(event, Sound):
                        header = _header(asked, speaker, voice, event.sample_rate)
                        delivery = Delivery(header, asked.text, said[speaker.reads_numbers], event.sample_rate)
                    if delivery is not None:
                        for response in delivery.take(event):
                            first_audio = first_audio or time.monotonic() - started
                            yield response
        pause = 0.0
        if delivery is not None:
            pause = self._pause(asked, said[speaker.reads_numbers])
            for response in delivery.end(pause):
                first_audio = first_audio or time.monotonic() - started
                yield response
        if delivery is None or not delivery.sample_count:
            yield Response(header=_header(asked, speaker, voice, speaker.sample_rate))
        yield self._finished(delivery, first_audio, time.monotonic() - started)

    def _pause(self, asked: Asked, said: Spoken) -> float:
        """Return the closing pause in seconds."""
        gap = asked.text[said.origins[-1] + 1 :]
        return max(self._pauses.after(said.text, gap) / asked.speed, asked.min_pause)

    @staticmethod
    def _finished(delivery: Delivery | None, first_audio: float, total: float) -> Response:
        count, pause = (delivery.sample_count, delivery.pause_count) if delivery else (0, 0)
        logger.info("spoken samples=%d first_audio=%.3f total=%.3f", count, first_audio, total)
        finished = tts_pb2.SpeechFinished(
            sample_count=count,
            pause_sample_count=pause,
            first_audio=duration(first_audio),
            total=duration(total),
        )
        return Response(finished=finished)

    async def ListVoices(  # noqa: N802
        self,
        request: tts_pb2.ListVoicesRequest,
        context: grpc.aio.ServicerContext[tts_pb2.ListVoicesRequest, tts_pb2.ListVoicesResponse],
    ) -> tts_pb2.ListVoicesResponse:
        """List the voices of every provider that answers."""
        response = tts_pb2.ListVoicesResponse()
        for provider, voice in await self._choice.voices():
            response.voices.add(
                voice=voice.voice,
                provider=provider.name,
                display_name=voice.display_name,
                language_codes=voice.language_codes,
                sample_rate_hertz=voice.sample_rate,
                exact_timings=voice.exact_timings,
            )
        return response


def build_providers(settings: SpeechSettings, pauses: Pauses) -> list[Provider]:
    """Return the providers that the settings make available, the chosen one first, its fallbacks behind."""
    first, stall = settings.first_sound_timeout, settings.stall_timeout
    providers: list[Provider] = []
    if settings.elevenlabs_api_key and settings.provider in ("auto", "elevenlabs"):
        providers.append(
            ElevenLabsProvider(
                settings.elevenlabs_api_key.get_secret_value(),
                url=settings.elevenlabs_url,
                voice=settings.elevenlabs_voice_id,
                model=settings.elevenlabs_model_id,
                first_sound_timeout=first,
                stall_timeout=stall,
            )
        )
    if settings.local_url and settings.provider != "hibari":
        local = LocalProvider(
            settings.local_url, voice=settings.local_voice, first_sound_timeout=first, stall_timeout=stall
        )
        providers.append(local)
    providers.append(HibariProvider(settings.hibari_threads, pauses))
    return providers if settings.fallback else providers[:1]


def checked(request: tts_pb2.SynthesizeRequest) -> Asked:
    """Return what is asked.

    Raises:
        BadRequestError: A field is wrong.
    """
    if not request.text or len(request.text) > MAX_CHARS:
        raise BadRequestError("text", f"{len(request.text)} characters", f"1 to {MAX_CHARS} characters")
    _check_characters("text", request.text)
    _check_characters("previous_text", request.previous_text)
    rate = request.sample_rate_hertz
    if rate:
        check_sample_rate("sample_rate_hertz", rate, *SAMPLE_RATES)
    speed = request.speed or 1.0
    if not math.isfinite(speed) or not SPEEDS[0] <= speed <= SPEEDS[1]:
        raise BadRequestError("speed", request.speed, f"{SPEEDS[0]} to {SPEEDS[1]:g}, or 0 for 1")
    pause = seconds_of(request.min_pause)
    if not 0 <= pause <= MAX_PAUSE:
        raise BadRequestError("min_pause", f"{pause:g} s", f"0 to {MAX_PAUSE:g} s")
    return Asked(request.text, request.voice, rate, speed, pause, request.previous_text)


def _check_characters(field: str, text: str) -> None:
    wrong = next((char for char in text if unicodedata.category(char) == "Cc" and char not in "\t\n\r"), None)
    if wrong is not None:
        raise BadRequestError(field, wrong, "text without control characters")


def _line(asked: Asked, said: Spoken, voice: str) -> Line:
    words = tuple((word.start, word.end) for word in said.words)
    return Line(said.text, words, voice, asked.speed, asked.previous_text)


def _header(asked: Asked, provider: Provider, voice: str, own_rate: int) -> tts_pb2.SpeechHeader:
    header = tts_pb2.SpeechHeader(provider=provider.name, voice=voice)
    header.format.sample_rate_hertz = asked.sample_rate or min(max(own_rate, SAMPLE_RATES[0]), SAMPLE_RATES[1])
    return header
