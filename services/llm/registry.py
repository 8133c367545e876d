"""The language model providers by name, and the order in which the settings want them tried.

A new provider needs a module in `services.llm.providers` with a factory, a line in `PROVIDERS`, and its settings.
"""

from __future__ import annotations

from services.llm.generation import SERVICE
from services.llm.providers import chat_completions, embedded
from services.llm.providers.language_provider import LanguageProvider
from services.llm.settings import LanguageModelSettings
from services.providers.registry import Registry

PROVIDERS: Registry[LanguageModelSettings, LanguageProvider] = Registry(
    SERVICE,
    {
        "openai": chat_completions.make_openai,
        "endpoint": chat_completions.make_endpoint,
        "embedded": embedded.make_embedded,
    },
)


def make_providers(settings: LanguageModelSettings) -> list[LanguageProvider]:
    """Return the providers to try, in order: the one that the settings name, then those that are set up.

    Raises:
        ConfigurationError: The named provider lacks a key, an address or weights, or no provider is set up.
    """
    names = [name for name in PROVIDERS.names if settings.provider != "local" or name != "openai"]
    names.sort(key=lambda name: name != settings.provider)
    return PROVIDERS.make_all(
        settings, names, first_required=settings.provider in PROVIDERS.names, fallback=settings.fallback
    )
