"""Settings become the providers to try, in order."""

from __future__ import annotations

import logging

from pydantic import SecretStr

from services.common.errors import ConfigurationError
from services.llm.providers.chat_completions import ChatOptions, ChatProvider
from services.llm.providers.embedded import EmbeddedOptions, EmbeddedProvider, find_weights
from services.llm.providers.language_provider import Provider
from services.llm.settings import LanguageModelSettings

logger = logging.getLogger(__name__)


def choose(settings: LanguageModelSettings) -> list[Provider]:
    """Return the providers, the default first; a default that was named must be complete.

    Raises:
        ConfigurationError: What the settings name lacks a key, an address or weights, or nothing is left.
    """
    makers = {"openai": _openai, "endpoint": _endpoint, "embedded": _embedded}
    wanted = settings.provider
    if wanted == "local":
        del makers["openai"]
    providers: list[Provider] = []
    if wanted in makers:
        providers.append(makers.pop(wanted)(settings))
    missing: list[str] = []
    for make in makers.values() if settings.fallback or not providers else ():
        if providers and not settings.fallback:
            break
        try:
            providers.append(make(settings))
        except ConfigurationError as error:
            missing.append(str(error))
    if not providers:
        raise ConfigurationError("no language model is configured: " + "; ".join(missing))
    fallbacks = ", ".join(provider.name for provider in providers[1:]) or "none"
    logger.info("provider chosen name=%s by=%s fallbacks=%s", providers[0].name, wanted, fallbacks)
    return providers


def _openai(settings: LanguageModelSettings) -> Provider:
    key = _secret(settings.openai_api_key)
    if not key:
        raise ConfigurationError("provider openai: set OPENAI_API_KEY")
    options = ChatOptions(
        name="openai",
        base_url=settings.openai_base_url,
        api_key=key,
        model=settings.openai_model,
        context_tokens=settings.context_tokens,
        max_tokens=settings.max_output_tokens,
        max_tokens_name="max_completion_tokens",
        temperature=settings.temperature,
    )
    return ChatProvider(options)


def _endpoint(settings: LanguageModelSettings) -> Provider:
    if not settings.base_url:
        raise ConfigurationError("provider endpoint: set NEUROSYNC_LLM_BASE_URL")
    options = ChatOptions(
        name="endpoint",
        base_url=settings.base_url,
        api_key=_secret(settings.api_key),
        model=settings.model,
        context_tokens=settings.context_tokens,
        max_tokens=settings.max_output_tokens,
        temperature=settings.temperature,
    )
    return ChatProvider(options)


def _embedded(settings: LanguageModelSettings) -> Provider:
    options = EmbeddedOptions(
        weights=find_weights(settings.embedded_weights),
        threads=settings.embedded_threads,
        context_tokens=settings.embedded_context_tokens,
    )
    return EmbeddedProvider(options)


def _secret(value: SecretStr | None) -> str:
    return value.get_secret_value() if value else ""
