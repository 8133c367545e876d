"""Generates one reply: builds each provider's prompt, fails over to the next provider, and cleans the model's text.

A provider that fails before its first word is followed by the next; one that breaks off later ends the reply.
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from services.common.errors import BadRequestError
from services.llm.cleaning import ReplyCleaner
from services.llm.prompt import PastExchange, assemble, opening
from services.llm.providers.language_provider import FinishReason, GenerationRequest, LanguageProvider, ReplyEnd
from services.providers.breaker import CircuitBreaker
from services.providers.deadlines import within
from services.providers.failover import Failover
from services.providers.provider_error import ProviderError

SERVICE = "language model"
"""What the providers provide, in messages."""
_FAILURES = 1  # after which a provider rests: a reply that tries it in vain comes seconds late


@dataclass(frozen=True)
class ReplyRequest:
    """What a client asks for, before a provider is chosen."""

    prompt: str
    history: Sequence[PastExchange] = ()
    persona: str = ""
    model: str = ""
    """Empty: the default of whichever provider answers."""
    max_tokens: int | None = None
    temperature: float | None = None


@dataclass(frozen=True)
class ReplyStarted:
    """A provider sent its first word."""

    provider: str
    model: str


ReplyEvent = ReplyStarted | str | ReplyEnd
"""The start of a reply, a piece of its text, or its end."""


@dataclass(frozen=True)
class GenerationLimits:
    """How long a provider may be silent or rests, and how long a reply may be."""

    first_word: float
    """Seconds to the first word."""
    inactivity: float
    """Seconds between two pieces of a reply."""
    retry_after: float
    """Seconds that a provider rests after a failure."""
    max_tokens: int
    """Tokens kept for the reply where a request sets no limit of its own."""


class ReplyGenerator:
    """Generates replies with the providers of the service."""

    def __init__(
        self,
        providers: Sequence[LanguageProvider],
        limits: GenerationLimits,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """Try `providers` in order; `now` returns the time in seconds, monotonic."""
        self._limits = limits
        self._failover = Failover(SERVICE, providers, lambda: CircuitBreaker(_FAILURES, limits.retry_after), now)

    def models(self) -> list[tuple[str, str]]:
        """Return (provider, model) of all known models, the default first."""
        return [(provider.name, model) for provider in self._failover.providers for model in provider.models]

    async def warm_up(self, persona: str) -> None:
        """Prepare the first provider that is ready for conversations with `persona`."""
        await self._failover.warm_up_first(
            lambda provider: provider.warm_up(opening(persona, examples=provider.is_small))
        )

    async def close(self) -> None:
        """Close the providers."""
        await self._failover.close()

    async def reply(self, request: ReplyRequest) -> AsyncGenerator[ReplyEvent, None]:
        """Yield the start of the reply, its cleaned text, and its end; nothing before the first word.

        Raises:
            BadRequestError: No provider has the model, or none can hold the prompt.
            UnavailableError: No provider answers.
        """
        started: ReplyStarted | None = None
        try:
            async with aclosing(self._failover.stream(self._requests(request), self._paced)) as events:
                async for provider, own, event in events:
                    if started is None:
                        started = ReplyStarted(provider.name, own.model or next(iter(provider.models), ""))
                        yield started
                    yield event
        except ProviderError as error:
            if started is None:
                raise
            yield ReplyEnd(FinishReason.ERROR, message=f"{started.provider} broke off: {error}")

    def _requests(self, request: ReplyRequest) -> list[tuple[LanguageProvider, GenerationRequest]]:
        """Return the providers that can take the request, each with its own prompt."""
        able = [
            provider for provider in self._failover.providers if not request.model or request.model in provider.models
        ]
        if not able:
            known = ", ".join(name for _, name in self.models())
            raise BadRequestError("model", request.model, f"empty or one of {known}")
        requests = [
            (provider, own) for provider in able if (own := _request_for(provider, request, self._limits.max_tokens))
        ]
        if not requests:
            raise BadRequestError("prompt", f"{len(request.prompt)} characters", "a prompt that the model can hold")
        return requests

    async def _paced(
        self, provider: LanguageProvider, request: GenerationRequest
    ) -> AsyncGenerator[str | ReplyEnd, None]:
        """Yield the cleaned reply of one provider.

        Raises:
            ProviderError: It failed, its reply is empty, or it was silent for too long.
        """
        cleaner = ReplyCleaner()
        begun = False
        async with aclosing(provider.reply(request)) as events:
            while True:
                event = await _next(events, self._limits.inactivity if begun else self._limits.first_word)
                text = cleaner.end() if isinstance(event, ReplyEnd) else cleaner.push(event)
                if text:
                    begun = True
                    yield text
                if cleaner.ended and not isinstance(event, ReplyEnd):
                    event = ReplyEnd(FinishReason.STOP)
                if isinstance(event, ReplyEnd):
                    if not begun and event.reason is FinishReason.STOP:
                        raise ProviderError("the reply is empty")
                    yield event
                    return


async def _next(events: AsyncGenerator[str | ReplyEnd, None], seconds: float) -> str | ReplyEnd:
    try:
        return await within(anext(events), seconds, "silent")
    except StopAsyncIteration as error:
        raise ProviderError("the reply has no end") from error


def _request_for(provider: LanguageProvider, request: ReplyRequest, max_tokens: int) -> GenerationRequest | None:
    """Return the request to one provider, or None if its model cannot hold the prompt."""
    start = opening(request.persona, examples=provider.is_small)
    room = min(request.max_tokens or max_tokens, provider.context_tokens // 4)
    messages = assemble(start, request.history, request.prompt, provider.context_tokens - room)
    if messages is None:
        return None
    model = request.model or next(iter(provider.models), "")
    return GenerationRequest(messages, model, request.max_tokens, request.temperature)
