"""The speech service: receives a text, streams its audio with the times of words and phonemes."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator
from functools import partial

import grpc

from neurosync.v1 import tts_pb2, tts_pb2_grpc
from services.common.errors import BusyError
from services.providers.breaker import CircuitBreaker
from services.providers.failover import Failover
from services.tts.registry import SERVICE, make_providers
from services.tts.settings import SpeechSettings
from services.tts.synthesis import Synthesis
from services.tts.synthesis_request import parse_request
from services.tts.voices import VoiceDirectory

LONG_CHARS = 500  # of a text, from which it is prepared in a thread (5000 take 40 ms); shorter ones are at once


class SpeechService(tts_pb2_grpc.SpeechServiceServicer):
    """Synthesizes speech with the providers that the settings name."""

    name = "neurosync.v1.SpeechService"

    def __init__(self, settings: SpeechSettings) -> None:
        """Set up the providers; nothing is loaded before `warm_up` or the first call.

        Raises:
            ConfigurationError: The settings name a provider that is not complete.
        """
        providers = make_providers(settings)
        make_breaker = partial(CircuitBreaker, settings.breaker_failures, settings.breaker_seconds)
        self._failover = Failover(SERVICE, providers, make_breaker)
        self._voices = VoiceDirectory(providers)
        self._pauses = settings.pauses
        self._max_calls = settings.max_calls
        self._calls = 0

    def register(self, server: grpc.aio.Server) -> None:
        """Add the handlers to a server."""
        tts_pb2_grpc.add_SpeechServiceServicer_to_server(self, server)

    async def warm_up(self) -> None:
        """Load the providers; the embedded voice speaks a short phrase.

        Raises:
            UnavailableError: None is ready.
        """
        await self._failover.warm_up(lambda provider: provider.warm_up())

    async def close(self) -> None:
        """Close all providers."""
        await self._failover.close()

    async def Synthesize(  # noqa: N802
        self,
        request: tts_pb2.SynthesizeRequest,
        context: grpc.aio.ServicerContext[tts_pb2.SynthesizeRequest, tts_pb2.SynthesizeResponse],
    ) -> AsyncGenerator[tts_pb2.SynthesizeResponse]:
        """Stream the speech of one text."""
        started = time.monotonic()
        parsed = parse_request(request)
        if self._calls >= self._max_calls:
            raise BusyError(f"{self._calls} calls are speaking, which is the limit (max_calls)")
        self._calls += 1
        try:
            voices = await self._voices.resolve(parsed.voice)
            make = partial(Synthesis, parsed, voices, self._failover, self._pauses, time.monotonic)
            synthesis = await asyncio.to_thread(make) if len(parsed.text) > LONG_CHARS else make()
            async with contextlib.aclosing(synthesis.responses(started)) as responses:
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
        for provider, voice in await self._voices.list_all():
            response.voices.add(
                voice=voice.voice,
                provider=provider.name,
                display_name=voice.display_name,
                language_codes=voice.language_codes,
                sample_rate_hertz=voice.sample_rate,
                exact_timings=voice.exact_timings,
            )
        return response
