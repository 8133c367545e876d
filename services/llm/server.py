"""The language model service: receives a prompt, streams the reply as deltas and whole sentences."""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncIterator, Iterator

import grpc

from neurosync.v1 import llm_pb2, llm_pb2_grpc
from services.common.errors import BusyError
from services.llm.generate_request import parse_request
from services.llm.generate_responses import GenerateResponseWriter
from services.llm.generation import GenerationLimits, ReplyGenerator
from services.llm.registry import make_providers
from services.llm.settings import LanguageModelSettings
from services.text.sentences import SentenceSplitter


class LanguageModelService(llm_pb2_grpc.LanguageModelServiceServicer):
    """Generates replies."""

    name = "neurosync.v1.LanguageModelService"

    def __init__(self, settings: LanguageModelSettings) -> None:
        """Set up the providers; nothing is loaded before `warm_up` or the first call.

        Raises:
            ConfigurationError: The settings name a provider that is not complete, or none is left.
        """
        self._settings = settings
        limits = GenerationLimits(
            first_word=settings.first_word_timeout,
            inactivity=settings.inactivity_timeout,
            retry_after=settings.retry_after,
            max_tokens=settings.max_output_tokens,
        )
        self._generator = ReplyGenerator(make_providers(settings), limits)
        self._running = 0

    def register(self, server: grpc.aio.Server) -> None:
        """Add the handlers to a server."""
        llm_pb2_grpc.add_LanguageModelServiceServicer_to_server(self, server)

    async def warm_up(self) -> None:
        """Prepare the first provider that is ready; those before it are tried again by every call."""
        await self._generator.warm_up(self._settings.persona)

    async def close(self) -> None:
        """Close all providers."""
        await self._generator.close()

    async def Generate(  # noqa: N802
        self, request: llm_pb2.GenerateRequest, context: grpc.aio.ServicerContext[object, object]
    ) -> AsyncIterator[llm_pb2.GenerateResponse]:
        """Stream one reply."""
        started = time.monotonic()
        parsed = parse_request(request, self._settings.persona)
        with self._place():
            splitter = SentenceSplitter(
                first_min_chars=self._settings.first_min_chars, max_chars=self._settings.max_chars
            )
            writer = GenerateResponseWriter(started, splitter)
            async with contextlib.aclosing(self._generator.reply(parsed)) as events:
                async for event in events:
                    for response in writer.responses(event, time.monotonic()):
                        yield response

    async def ListModels(  # noqa: N802
        self, request: llm_pb2.ListModelsRequest, context: grpc.aio.ServicerContext[object, object]
    ) -> llm_pb2.ListModelsResponse:
        """List the models of every provider."""
        models = [llm_pb2.LanguageModel(model=model, provider=name) for name, model in self._generator.models()]
        return llm_pb2.ListModelsResponse(models=models)

    @contextlib.contextmanager
    def _place(self) -> Iterator[None]:
        """Hold one of the places for replies.

        Raises:
            BusyError: All are taken.
        """
        if self._running >= self._settings.max_generations:
            raise BusyError(f"{self._running} replies are being generated, which is the limit (max_generations)")
        self._running += 1
        try:
            yield
        finally:
            self._running -= 1
