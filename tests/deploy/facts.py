"""Names, ports and settings of the five services in the code, to compare with their deployment."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from services.common.errors import ConfigurationError
from services.common.settings import ServerSettings, load

ROOT = Path(__file__).parents[2]
TOKEN = "a-token-of-the-tests"


class Deployed(NamedTuple):
    """One service as it is deployed."""

    name: str
    port: int
    service: str


SERVICES = (
    Deployed("orchestrator", 50050, "OrchestratorService"),
    Deployed("llm", 50051, "LanguageModelService"),
    Deployed("tts", 50052, "SpeechService"),
    Deployed("face", 50053, "FaceService"),
    Deployed("player", 50054, "PlayerService"),
)
BY_NAME = {deployed.name: deployed for deployed in SERVICES}


def settings_of(name: str) -> type[ServerSettings]:
    """Return the settings class of a service."""
    if not (ROOT / "services" / name / "settings.py").exists():
        pytest.skip(f"services/{name}/settings.py does not exist")
    module = importlib.import_module(f"services.{name}.settings")
    kinds = [kind for kind in vars(module).values() if isinstance(kind, type) and issubclass(kind, ServerSettings)]
    (kind,) = (kind for kind in kinds if kind is not ServerSettings)
    return kind


def known_variables(kind: type[ServerSettings]) -> set[str]:
    """Return every environment variable that sets a field."""
    prefix = str(kind.model_config.get("env_prefix"))
    known = set()
    for name, field in kind.model_fields.items():
        choices: Any = getattr(field.validation_alias, "choices", None)
        known |= {f"{prefix}{name}"} if choices is None else set(choices)
    return {name.upper() for name in known}


def start_with(name: str, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> ServerSettings:
    """Return the settings of a service in an environment; fail on a wrong value or an unknown variable."""
    kind = settings_of(name)
    meant = {variable for variable in environment if variable.startswith("NEUROSYNC_")}
    assert meant <= known_variables(kind), f"{name} has no setting for these"
    for variable, value in environment.items():
        monkeypatch.setenv(variable, value)
    try:
        return load(kind)
    except ConfigurationError as error:
        raise AssertionError(f"{name} would not start: {error}") from error
