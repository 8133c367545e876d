"""Settings of the speech service."""

from __future__ import annotations

import pytest

from services.common.errors import ConfigurationError
from services.common.settings import load
from services.tts.settings import SpeechSettings


def test_the_names_that_users_have_still_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TTS_PROVIDER", "elevenlabs")
    monkeypatch.setenv("ELEVENLABS_API_KEY", "k")
    monkeypatch.setenv("ELEVENLABS_VOICE_ID", "v")
    monkeypatch.setenv("ELEVENLABS_MODEL_ID", "m")
    monkeypatch.setenv("LOCAL_TTS_URL", "http://127.0.0.1:8000/generate_speech")
    made = load(SpeechSettings)
    assert (made.provider, made.elevenlabs_voice_id, made.elevenlabs_model_id) == ("elevenlabs", "v", "m")
    assert made.elevenlabs_api_key and made.elevenlabs_api_key.get_secret_value() == "k"
    assert made.local_url == "http://127.0.0.1:8000/generate_speech"
    assert made.listen == "127.0.0.1:50052"


def test_a_provider_without_what_it_needs_is_a_wrong_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ELEVENLABS_API_KEY", "")
    with pytest.raises(ConfigurationError, match="elevenlabs needs ELEVENLABS_API_KEY"):
        load(SpeechSettings, provider="elevenlabs")
    with pytest.raises(ConfigurationError, match="local needs LOCAL_TTS_URL"):
        load(SpeechSettings, provider="local")
