"""The voices of all providers: which provider has a requested voice, and the list of all voices."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from services.common.errors import BadRequestError, UnavailableError
from services.providers.provider_error import ProviderError
from services.tts.providers.speech_provider import SpeechProvider, VoiceInfo

logger = logging.getLogger(__name__)


class VoiceDirectory:
    """Finds voices among the providers."""

    def __init__(self, providers: Sequence[SpeechProvider]) -> None:
        """Search `providers`, the preferred one first."""
        self._providers = tuple(providers)

    async def resolve(self, voice: str) -> list[tuple[SpeechProvider, str]]:
        """Return every provider with the voice to use: the one that has `voice` first, the others with their default.

        Raises:
            BadRequestError: No provider has the voice.
        """
        defaults = [(provider, provider.default_voice) for provider in self._providers]
        if not voice:
            return defaults
        for index, (_, default) in enumerate(defaults):
            if voice == default:
                return [defaults[index], *defaults[:index], *defaults[index + 1 :]]
        lists = [await self._list(provider) for provider in self._providers]
        owner = next((i for i, known in enumerate(lists) if any(voice == one.voice for one in known or ())), None)
        if owner is None:  # a provider that does not list its voices may still have it
            owner = next((i for i, known in enumerate(lists) if known is None), None)
        if owner is None:
            raise BadRequestError("voice", voice, "a voice of ListVoices, or none")
        return [(self._providers[owner], voice), *defaults[:owner], *defaults[owner + 1 :]]

    async def list_all(self) -> list[tuple[SpeechProvider, VoiceInfo]]:
        """Return the voices of all providers that answer, the default first.

        Raises:
            UnavailableError: None answers.
        """
        found = [(provider, voice) for provider in self._providers for voice in await self._list(provider) or ()]
        if not found:
            raise UnavailableError("no speech provider lists its voices; the log has the reasons")
        return found

    async def _list(self, provider: SpeechProvider) -> Sequence[VoiceInfo] | None:
        """Return the voices of a provider, or None if it does not list them; it may still speak."""
        try:
            return await provider.voices()
        except ProviderError as error:
            logger.warning("provider lists no voices name=%s reason=%s", provider.name, error)
            return None
