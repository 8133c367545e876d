"""Which provider answers: the order from the settings, the next one when one fails before its first word."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field

from services.common.errors import BadRequestError, UnavailableError
from services.llm.cleaning import ReplyCleaner
from services.llm.prompt import Past, assemble, beginning
from services.llm.providers.language_provider import Ask, Ending, Provider, Reason

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Question:
    """What is asked, before a provider is chosen."""

    prompt: str
    history: Sequence[Past] = ()
    persona: str = ""
    model: str = ""
    """Empty: the default of whichever provider answers."""
    max_tokens: int | None = None
    temperature: float | None = None


@dataclass(frozen=True)
class Begun:
    """A provider has its first word."""

    provider: str
    model: str


@dataclass(frozen=True)
class Limits:
    """How long a provider may be silent, in seconds."""

    first_word: float
    inactivity: float
    retry_after: float


@dataclass
class Chain:
    """Providers in the order in which they are tried."""

    providers: Sequence[Provider]
    limits: Limits
    max_tokens: int
    """Room kept for the reply where a question sets no limit of its own."""
    now: Callable[[], float] = time.monotonic
    """Seconds on a clock that only grows."""
    _failed_at: dict[str, float] = field(default_factory=dict)

    def models(self) -> list[tuple[str, str]]:
        """Return (provider, model) of all that is known, the default first."""
        return [(provider.name, model) for provider in self.providers for model in provider.models]

    async def reply(self, question: Question) -> AsyncGenerator[Begun | str | Ending, None]:
        """Yield who answers, the cleaned reply, and its ending; nothing before the first word.

        Raises:
            BadRequestError: No provider has the model, or none can hold the prompt.
            UnavailableError: No provider answers.
        """
        failures: list[str] = []
        too_long = 0
        candidates = self._candidates(question.model)
        for provider in candidates:
            ask = _ask(provider, question, self.max_tokens)
            if ask is None:
                too_long += 1
                continue
            begun = False
            try:
                async with aclosing(self._paced(provider, ask)) as events:
                    async for event in events:
                        if not begun:
                            begun = True
                            self._failed_at.pop(provider.name, None)
                            yield Begun(provider.name, ask.model or next(iter(provider.models), ""))
                        yield event
                return
            except UnavailableError as error:
                self._failed_at[provider.name] = self.now()
                logger.warning("provider failed name=%s begun=%s reason=%s", provider.name, begun, error)
                if begun:
                    yield Ending(Reason.ERROR, message=str(error))
                    return
                failures.append(str(error))
        if too_long == len(candidates):
            raise BadRequestError("prompt", f"{len(question.prompt)} characters", "a prompt that the model can hold")
        raise UnavailableError("no provider answers: " + "; ".join(failures))

    def _candidates(self, model: str) -> list[Provider]:
        """Return who is tried, in order: those that failed lately come last."""
        able = [provider for provider in self.providers if not model or model in provider.models]
        if not able:
            known = ", ".join(name for _, name in self.models())
            raise BadRequestError("model", model, f"empty or one of {known}")
        return sorted(able, key=self._is_out)

    def _is_out(self, provider: Provider) -> bool:
        failed_at = self._failed_at.get(provider.name)
        return failed_at is not None and self.now() - failed_at < self.limits.retry_after

    async def _paced(self, provider: Provider, ask: Ask) -> AsyncGenerator[str | Ending, None]:
        """Yield the cleaned reply of one provider.

        Raises:
            UnavailableError: It failed, said nothing, or was silent for too long.
        """
        cleaner = ReplyCleaner()
        said = False
        async with aclosing(provider.reply(ask)) as events:
            while True:
                limit = self.limits.inactivity if said else self.limits.first_word
                event = await _next(events, limit, provider.name)
                text = cleaner.end() if isinstance(event, Ending) else cleaner.push(event)
                if text:
                    said = True
                    yield text
                if cleaner.ended and not isinstance(event, Ending):
                    event = Ending(Reason.STOP)
                if isinstance(event, Ending):
                    if not said and event.reason is Reason.STOP:
                        raise UnavailableError(f"{provider.name} had nothing to say")
                    yield event
                    return


async def _next(events: AsyncGenerator[str | Ending, None], limit: float, name: str) -> str | Ending:
    try:
        async with asyncio.timeout(limit):
            return await anext(events)
    except TimeoutError as error:
        raise UnavailableError(f"{name} was silent for {limit:g} s") from error
    except StopAsyncIteration as error:
        raise UnavailableError(f"{name} ended without an ending") from error


def _ask(provider: Provider, question: Question, max_tokens: int) -> Ask | None:
    """Return what to ask this provider, or None if it cannot hold the prompt."""
    start = beginning(question.persona, examples=provider.is_small)
    room = min(question.max_tokens or max_tokens, provider.context_tokens // 4)
    messages = assemble(start, question.history, question.prompt, provider.context_tokens - room)
    if messages is None:
        return None
    model = question.model or next(iter(provider.models), "")
    return Ask(messages, model, question.max_tokens, question.temperature)
