"""Which speech providers the settings give, in which order."""

from __future__ import annotations

from typing import Any, get_args

import pytest

from services.tts.registry import PROVIDERS, make_providers
from services.tts.settings import SpeechSettings

KEY = {"elevenlabs_api_key": "k"}
URL = {"local_url": "http://127.0.0.1:1/tts"}


@pytest.mark.parametrize(
    ("values", "names"),
    [
        ({}, ["hibari"]),
        ({**KEY, **URL}, ["elevenlabs", "local", "hibari"]),
        ({**URL}, ["local", "hibari"]),
        ({**KEY, **URL, "fallback": False}, ["elevenlabs"]),
        ({**KEY, **URL, "provider": "elevenlabs"}, ["elevenlabs", "local", "hibari"]),
        ({**KEY, **URL, "provider": "local"}, ["local", "hibari"]),
        ({**KEY, **URL, "provider": "hibari"}, ["hibari"]),
    ],
)
async def test_the_named_provider_comes_first_and_those_after_it_follow(
    values: dict[str, Any], names: list[str]
) -> None:
    assert [provider.name for provider in make_providers(SpeechSettings(**values))] == names


def test_settings_and_registry_name_the_same_providers() -> None:
    assert set(get_args(SpeechSettings.model_fields["provider"].annotation)) == {"auto", *PROVIDERS.names}
