"""Checks of what the services need to run."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from services.cli.checks.check import State
from services.cli.checks.model_checks import check_face_model, check_installed, check_language_model, check_voice
from services.common.settings import load
from services.face.settings import FaceSettings
from services.llm.settings import LanguageModelSettings
from services.tts.settings import SpeechSettings

SECRET = "sk-do-not-show-me"


def test_a_service_that_cannot_be_imported_is_a_problem_with_its_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "services.face.server", None)
    monkeypatch.setitem(sys.modules, "elevenlabs", None)
    found = {check.name: check for check in check_installed()}
    assert found["face installed"].state is State.PROBLEM
    assert found["face installed"].advice == 'pip install "neurosync[face]"'
    assert (found["tts installed"].state, found["tts installed"].found) == (State.NOTE, "without elevenlabs")
    assert found["llm installed"].state is State.OK


@pytest.mark.parametrize(
    ("settings", "runtime", "state"),
    [
        ({"provider": "openai"}, True, State.PROBLEM),
        ({"provider": "openai", "openai_api_key": SECRET}, True, State.OK),
        ({"provider": "openai", "openai_api_key": SECRET}, False, State.NOTE),
        ({"provider": "local", "openai_api_key": SECRET}, False, State.PROBLEM),
        ({"provider": "local", "base_url": "http://127.0.0.1:8000/v1"}, False, State.NOTE),
        ({}, False, State.PROBLEM),
    ],
)
def test_a_language_model_is_a_key_an_endpoint_or_the_embedded_one(
    settings: dict[str, str], runtime: bool, state: State, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (place / "own.gguf").touch()
    if not runtime:
        monkeypatch.setitem(sys.modules, "xllamacpp", None)
    check = check_language_model(load(LanguageModelSettings, embedded_weights=place / "own.gguf", **settings))
    assert check.state is state
    assert SECRET not in check.found + check.advice


def test_weights_that_are_not_there_are_a_problem(place: Path) -> None:
    check = check_language_model(load(LanguageModelSettings, embedded_weights=place / "gone.gguf"))
    assert check.state is State.PROBLEM
    assert "gone.gguf" in check.found


def test_a_voice_is_the_embedded_one_or_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    key = load(SpeechSettings, elevenlabs_api_key=SECRET)
    assert check_voice(load(SpeechSettings)).state is State.OK
    assert check_voice(key).found.startswith("elevenlabs, hibari")
    monkeypatch.setitem(sys.modules, "hibari", None)
    assert check_voice(key).state is State.NOTE
    assert check_voice(load(SpeechSettings)).state is State.PROBLEM
    assert check_voice(load(SpeechSettings, elevenlabs_api_key=SECRET, provider="hibari")).state is State.PROBLEM


def test_a_missing_face_model_is_a_problem() -> None:
    assert check_face_model(None).state is State.OK
    check = check_face_model(load(FaceSettings, model="grand"))
    assert (check.state, check.found) == (State.PROBLEM, "no model 'grand'")
