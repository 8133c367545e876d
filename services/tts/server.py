"""The voice service: checks what is asked, lets a provider speak, and sends what it says."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncGenerator
from functools import partial

import grpc

from neurosync.v1 import tts_pb2, tts_pb2_grpc
from services.common.errors import BusyError
from services.providers.breaker import Breaker
from services.tts.hibari.hibari_provider import HibariProvider
from services.tts.pauses import Pauses
from services.tts.providers.elevenlabs import ElevenLabsProvider
from services.tts.providers.local_voice import LocalProvider
from services.tts.providers.speech_provider import Provider
from services.tts.settings import SpeechSettings
from services.tts.synthesis import Call
from services.tts.synthesis_request import checked
from services.tts.voices import Choice

logger = logging.getLogger(__name__)

LONG_CHARS = 500  # of a text, from which it is read in a thread (5000 take 40 ms); shorter ones are read at once


class SpeechService(tts_pb2_grpc.SpeechServiceServicer):
    """Speaks text with the providers that the settings name."""

    name = "neurosync.v1.SpeechService"

    def __init__(self, settings: SpeechSettings) -> None:
        """Set up the providers; nothing is loaded before `warm_up` or the first call."""
        self._pauses = Pauses(
            settings.pause_clause, settings.pause_sentence, settings.pause_paragraph, settings.pause_unmarked
        )
        self._choice = Choice(
            providers_of(settings, self._pauses),
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
        self,
        request: tts_pb2.SynthesizeRequest,
        context: grpc.aio.ServicerContext[tts_pb2.SynthesizeRequest, tts_pb2.SynthesizeResponse],
    ) -> AsyncGenerator[tts_pb2.SynthesizeResponse]:
        """Speak one text."""
        started = time.monotonic()
        asked = checked(request)
        if self._calls >= self._max_calls:
            raise BusyError(f"{self._calls} calls are speaking, the most that max_calls allows")
        self._calls += 1
        try:
            chain = await self._choice.resolve(asked.voice)
            make = partial(Call, asked, chain, self._choice, self._pauses, time.monotonic)
            call = await asyncio.to_thread(make) if len(asked.text) > LONG_CHARS else make()
            async with contextlib.aclosing(call.responses(started)) as responses:
                async for response in responses:
                    yield response
        finally:
            self._calls -= 1

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


def providers_of(settings: SpeechSettings, pauses: Pauses) -> list[Provider]:
    """Return the providers that the settings make available, the chosen one first, its fallbacks behind."""
    first, stall = settings.first_sound_timeout, settings.stall_timeout
    providers: list[Provider] = []
    if settings.elevenlabs_api_key and settings.provider in ("auto", "elevenlabs"):
        eleven = ElevenLabsProvider(
            settings.elevenlabs_api_key.get_secret_value(),
            url=settings.elevenlabs_url,
            voice=settings.elevenlabs_voice_id,
            model=settings.elevenlabs_model_id,
            first_sound_timeout=first,
            stall_timeout=stall,
        )
        providers.append(eleven)
    if settings.local_url and settings.provider != "hibari":
        local = LocalProvider(
            settings.local_url, voice=settings.local_voice, first_sound_timeout=first, stall_timeout=stall
        )
        providers.append(local)
    providers.append(HibariProvider(settings.hibari_threads, pauses))
    return providers if settings.fallback else providers[:1]
