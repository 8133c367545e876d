"""Who speaks: the chosen provider, or the next when it fails before its first sound; a failing one rests a while."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, Callable, Sequence
from typing import NamedTuple

from services.common.errors import BadRequestError, UnavailableError
from services.providers.breaker import Breaker
from services.tts.providers.speech_provider import Event, Line, Provider, ProviderError, Sound, VoiceInfo

logger = logging.getLogger(__name__)


class Said(NamedTuple):
    """An event, and who made it."""

    provider: Provider
    voice: str
    event: Event


class Choice:
    """The providers at hand in the order of preference."""

    def __init__(self, providers: Sequence[Provider], make_breaker: Callable[[], Breaker], now: Callable[[], float]):
        """Choose among `providers`; `now` tells the time in seconds, monotonic."""
        self.providers = list(providers)
        self._breakers = {provider.name: make_breaker() for provider in providers}
        self._now = now

    async def resolve(self, voice: str) -> list[tuple[Provider, str]]:
        """Return who may speak with which voice, the one that has `voice` first, the others with their default.

        Raises:
            BadRequestError: No provider has the voice.
        """
        chain = [(provider, provider.default_voice) for provider in self.providers]
        if not voice:
            return chain
        for index, (_, default) in enumerate(chain):
            if voice == default:
                return [chain[index], *chain[:index], *chain[index + 1 :]]
        lists = [await self._voices(provider) for provider in self.providers]
        owner = next((i for i, known in enumerate(lists) if any(voice == one.voice for one in known or ())), None)
        if owner is None:  # a provider that does not list its voices may still have it
            owner = next((i for i, known in enumerate(lists) if known is None), None)
        if owner is None:
            raise BadRequestError("voice", voice, "a voice that ListVoices names, or none")
        return [(self.providers[owner], voice), *chain[:owner], *chain[owner + 1 :]]

    async def speak(self, lines: Sequence[tuple[Provider, Line]]) -> AsyncGenerator[Said]:
        """Yield what the first provider that can speak makes of its line.

        Raises:
            UnavailableError: None of them can, or the one that speaks failed after its first sound.
        """
        reasons = []
        for provider, line in lines:
            if not self._breakers[provider.name].allows(self._now()):
                reasons.append(f"{provider.name}: left alone after failures")
                continue
            begun = False
            try:
                async with contextlib.aclosing(provider.speak(line)) as events:
                    async for event in events:
                        begun = begun or isinstance(event, Sound)
                        yield Said(provider, line.voice, event)
            except ProviderError as error:
                self._failed(provider, error)
                if begun:
                    raise
                reasons.append(f"{provider.name}: {error}")
            else:
                self._breakers[provider.name].succeeded()
                return
        raise UnavailableError(f"no voice answers ({'; '.join(reasons)})")

    async def voices(self) -> list[tuple[Provider, VoiceInfo]]:
        """Return the voices of all providers that answer, the default first.

        Raises:
            UnavailableError: None answers.
        """
        found = [(provider, voice) for provider in self.providers for voice in await self._voices(provider) or ()]
        if not found:
            raise UnavailableError("no voice provider answers")
        return found

    async def warm_up(self) -> None:
        """Warm every provider up; one that fails starts at rest.

        Raises:
            UnavailableError: None can speak.
        """
        async with asyncio.TaskGroup() as group:
            ready = [group.create_task(self._is_warm(provider), name=provider.name) for provider in self.providers]
        if not any(task.result() for task in ready):
            raise UnavailableError("no voice provider is ready; the log says why")

    async def _is_warm(self, provider: Provider) -> bool:
        try:
            await provider.warm_up()
        except ProviderError as error:
            self._failed(provider, error)
            return False
        return True

    async def close(self) -> None:
        """Close every provider."""
        for provider in self.providers:
            await provider.close()

    async def _voices(self, provider: Provider) -> Sequence[VoiceInfo] | None:
        """Return the voices of a provider, or None if it does not tell them; that says nothing about its speech."""
        try:
            return await provider.voices()
        except ProviderError as error:
            logger.warning("voice provider lists no voices name=%s reason=%s", provider.name, error)
            return None

    def _failed(self, provider: Provider, error: ProviderError) -> None:
        logger.warning("voice provider failed name=%s reason=%s", provider.name, error)
        self._breakers[provider.name].failed(self._now(), error.hold)
