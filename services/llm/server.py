"""The language model service: a prompt comes in, deltas and whole sentences go out."""

from __future__ import annotations

import contextlib
import logging
import math
import time
from collections.abc import AsyncIterator, Iterator

import grpc

from neurosync.v1 import llm_pb2, llm_pb2_grpc
from services.common.errors import BadRequestError, BusyError, UnavailableError
from services.common.wire import duration
from services.llm.generation import Begun, Chain, Limits, Question
from services.llm.prompt import Past, beginning
from services.llm.providers.language_provider import Ending, Reason
from services.llm.registry import choose
from services.llm.settings import LanguageModelSettings
from services.text.sentences import SentenceSplitter

logger = logging.getLogger(__name__)

MAX_CHARACTERS = 100_000  # of one text in a request
MAX_TOKENS = 8192
MAX_EXCHANGES = 500  # of the history that are looked at, the newest; a model with room for more is still to be served
_REASONS = {
    Reason.STOP: llm_pb2.FINISH_REASON_STOP,
    Reason.LENGTH: llm_pb2.FINISH_REASON_LENGTH,
    Reason.FILTERED: llm_pb2.FINISH_REASON_FILTERED,
    Reason.ERROR: llm_pb2.FINISH_REASON_ERROR,
}


class LanguageModelService(llm_pb2_grpc.LanguageModelServiceServicer):
    """Generates replies."""

    name = "neurosync.v1.LanguageModelService"

    def __init__(self, settings: LanguageModelSettings) -> None:
        """Choose the providers.

        Raises:
            ConfigurationError: The settings name a provider that is not complete, or none is left.
        """
        self._settings = settings
        limits = Limits(settings.first_word_timeout, settings.inactivity_timeout, settings.retry_after)
        self._chain = Chain(choose(settings), limits, settings.max_output_tokens)
        self._running = 0

    def register(self, server: grpc.aio.Server) -> None:
        """Add the handlers to a server."""
        llm_pb2_grpc.add_LanguageModelServiceServicer_to_server(self, server)

    async def warm_up(self) -> None:
        """Prepare the first provider that answers; those before it are tried again by every call."""
        for provider in self._chain.providers:
            try:
                await provider.warm_up(beginning(self._settings.persona, examples=provider.is_small))
            except UnavailableError as error:
                logger.warning("provider is away name=%s reason=%s", provider.name, error)
            else:
                return

    async def close(self) -> None:
        """Close all providers."""
        for provider in self._chain.providers:
            await provider.close()

    async def Generate(  # noqa: N802
        self, request: llm_pb2.GenerateRequest, context: grpc.aio.ServicerContext[object, object]
    ) -> AsyncIterator[llm_pb2.GenerateResponse]:
        """Stream one reply."""
        started = time.monotonic()
        question = _question(request, self._settings.persona)
        with self._place():
            writer = _Writer(started, self._settings)
            async with contextlib.aclosing(self._chain.reply(question)) as events:
                async for event in events:
                    for response in writer.responses(event, time.monotonic()):
                        yield response

    async def ListModels(  # noqa: N802
        self, request: llm_pb2.ListModelsRequest, context: grpc.aio.ServicerContext[object, object]
    ) -> llm_pb2.ListModelsResponse:
        """Name the models that are known."""
        models = [llm_pb2.LanguageModel(model=model, provider=name) for name, model in self._chain.models()]
        return llm_pb2.ListModelsResponse(models=models)

    @contextlib.contextmanager
    def _place(self) -> Iterator[None]:
        """Hold one of the places for replies.

        Raises:
            BusyError: All are taken.
        """
        if self._running >= self._settings.max_generations:
            raise BusyError(f"{self._running} replies are being generated, which is the limit")
        self._running += 1
        try:
            yield
        finally:
            self._running -= 1


class _Writer:
    """Turns the events of one reply into messages."""

    def __init__(self, started: float, settings: LanguageModelSettings) -> None:
        self._started = started
        self._splitter = SentenceSplitter(first_min_chars=settings.first_min_chars, max_chars=settings.max_chars)
        self._sentences = 0
        self._characters = 0
        self._first_word = 0.0
        self._first_sentence = 0.0

    def responses(self, event: Begun | str | Ending, now: float) -> Iterator[llm_pb2.GenerateResponse]:
        """Yield what an event at the time `now` sends."""
        elapsed = now - self._started
        if isinstance(event, Begun):
            self._first_word = elapsed
            started = llm_pb2.GenerateStarted(provider=event.provider, model=event.model)
            yield llm_pb2.GenerateResponse(started=started)
        elif isinstance(event, str):
            yield llm_pb2.GenerateResponse(delta=llm_pb2.TextDelta(text=event))
            yield from self._sentence_responses(self._splitter.push(event), elapsed)
        else:
            yield from self._sentence_responses(self._splitter.end(), elapsed)
            yield llm_pb2.GenerateResponse(finished=self._finished(event, elapsed))

    def _sentence_responses(self, pieces: list[str], elapsed: float) -> Iterator[llm_pb2.GenerateResponse]:
        for piece in pieces:
            if not self._sentences:
                self._first_sentence = elapsed
            start, end = self._characters, self._characters + len(piece)
            sentence = llm_pb2.Sentence(index=self._sentences, text=piece, start_char=start, end_char=end)
            self._sentences, self._characters = self._sentences + 1, end
            yield llm_pb2.GenerateResponse(sentence=sentence)

    def _finished(self, ending: Ending, elapsed: float) -> llm_pb2.GenerateFinished:
        logger.info(
            "reply finished reason=%s sentences=%d first_word=%.3f first_sentence=%.3f total=%.3f",
            ending.reason.name, self._sentences, self._first_word, self._first_sentence, elapsed,
        )  # fmt: skip
        usage = llm_pb2.TokenUsage(input_token_count=ending.input_tokens, output_token_count=ending.output_tokens)
        return llm_pb2.GenerateFinished(
            reason=_REASONS[ending.reason],
            usage=usage,
            first_word=duration(self._first_word),
            first_sentence=duration(self._first_sentence),
            total=duration(elapsed),
            error_message=ending.message,
        )


def _question(request: llm_pb2.GenerateRequest, persona: str) -> Question:
    """Return a checked request.

    Raises:
        BadRequestError: A field is wrong.
    """
    _check_text("prompt", request.prompt)
    if not request.prompt.strip():
        raise BadRequestError("prompt", request.prompt, "some text")
    _check_text("system_prompt", request.system_prompt)
    first = max(0, len(request.history) - MAX_EXCHANGES)  # 4 MB can hold two million empty ones
    history = request.history[first:]
    for index, exchange in enumerate(history, start=first):
        _check_text(f"history[{index}].user_text", exchange.user_text)
        _check_text(f"history[{index}].assistant_text", exchange.assistant_text)
    if not 0 <= request.max_output_token_count <= MAX_TOKENS:
        raise BadRequestError("max_output_token_count", request.max_output_token_count, f"0 to {MAX_TOKENS}")
    temperature = request.temperature if request.HasField("temperature") else None
    if temperature is not None and not (math.isfinite(temperature) and 0 <= temperature <= 2):
        raise BadRequestError("temperature", temperature, "0 to 2")
    return Question(
        prompt=request.prompt,
        history=[Past(exchange.user_text, exchange.assistant_text) for exchange in history],
        persona=request.system_prompt or persona,
        model=request.model,
        max_tokens=request.max_output_token_count or None,
        temperature=temperature,
    )


def _check_text(field: str, text: str) -> None:
    if len(text) > MAX_CHARACTERS:
        raise BadRequestError(field, f"{len(text)} characters", f"at most {MAX_CHARACTERS} characters")
    if "\0" in text:
        raise BadRequestError(field, text, "text without NUL characters")
