"""The speech providers by name, and the order in which the settings want them tried.

A new provider needs a module in `services.tts.providers` with a factory, a line in `PROVIDERS`, and its settings.
"""

from __future__ import annotations

from services.providers.registry import Registry
from services.tts.hibari import hibari_voice
from services.tts.providers import elevenlabs, local_voice
from services.tts.providers.speech_provider import SpeechProvider
from services.tts.settings import SpeechSettings

SERVICE = "speech provider"
"""What the providers provide, in messages."""
PROVIDERS: Registry[SpeechSettings, SpeechProvider] = Registry(
    SERVICE,
    {
        "elevenlabs": elevenlabs.make_elevenlabs,
        "local": local_voice.make_local,
        "hibari": hibari_voice.make_hibari,
    },
)


def make_providers(settings: SpeechSettings) -> list[SpeechProvider]:
    """Return the providers to try, in order: the one that the settings name, then those after it that are set up.

    Raises:
        ConfigurationError: The named provider lacks a key or an address.
    """
    names = PROVIDERS.names
    if settings.provider != "auto":
        names = names[names.index(settings.provider) :]
    return PROVIDERS.make_all(settings, names, first_required=settings.provider != "auto", fallback=settings.fallback)
