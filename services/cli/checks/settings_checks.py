"""Checks of the settings: whether they can be read, where they come from, and which keys of providers are set.

Services are found by their names as strings, never imported by this package: each machine has only some of them.
"""

from __future__ import annotations

import importlib
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path

from services.cli.checks.check import Check, State
from services.cli.processes.service_process import SERVICES
from services.cli.settings import ClientSettings
from services.common.errors import ConfigurationError
from services.common.settings import TOML_FILE, ServerSettings, load

KEYS = (("llm", "openai_api_key", "OPENAI_API_KEY"), ("tts", "elevenlabs_api_key", "ELEVENLABS_API_KEY"))
"""Service, setting and environment variable of each provider's key."""

LoadedSettings = Mapping[str, ServerSettings]
"""Settings by the name of the service."""


def load_settings() -> tuple[dict[str, ServerSettings], Check]:
    """Return the settings of each service as it would start now, and a check about where they come from."""
    loaded: dict[str, ServerSettings] = {}
    problems: dict[str, None] = {}  # in order, each once: a broken file is found by every service
    for service in SERVICES:
        try:
            loaded[service.name] = load(_settings_class(service.name))
        except ImportError:
            continue  # `check_installed` reports it
        except ConfigurationError as error:
            problems[str(error)] = None
    try:
        load(ClientSettings)
    except ConfigurationError as error:
        problems[str(error)] = None
    files = [str(path) for path in (Path(".env"), TOML_FILE) if path.exists()]
    found = (
        f"from {' and '.join(files)}, and the environment" if files else "no .env and no neurosync.toml here: defaults"
    )
    if problems:
        return loaded, Check("settings", State.PROBLEM, "; ".join(problems), f"correct what is named ({found})")
    if unknown := _unknown_tables():
        return loaded, Check(
            "settings", State.NOTE, f"{TOML_FILE} has [{unknown[0]}], which nothing reads", _table_names()
        )
    return loaded, Check("settings", State.OK, found)


def check_keys(loaded: LoadedSettings) -> list[Check]:
    """Check whether keys are set; they are never shown."""
    checks = []
    for service, field, variable in KEYS:
        if secret_of(loaded.get(service), field):
            checks.append(Check(variable, State.OK, "set"))
        else:
            advice = f"nothing: {service} has an embedded default; set it to use the provider"
            checks.append(Check(variable, State.OK, "not set", advice))
    return checks


def _settings_class(name: str) -> type[ServerSettings]:
    module = importlib.import_module(f"services.{name}.settings")
    kinds = (value for value in vars(module).values() if isinstance(value, type) and issubclass(value, ServerSettings))
    return next(kind for kind in kinds if getattr(kind, "table", None) == name)


def _unknown_tables() -> list[str]:
    """Return the tables of the settings file that no part of NeuroSync has."""
    if not TOML_FILE.exists():
        return []
    known = {service.name for service in SERVICES} | {ClientSettings.table}
    return sorted(set(tomllib.loads(TOML_FILE.read_text(encoding="utf-8"))) - known)


def _table_names() -> str:
    return f"tables are {_listed(service.name for service in SERVICES)} and [{ClientSettings.table}]"


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"[{name}]" for name in names)


def secret_of(settings: ServerSettings | None, field: str) -> str:
    """Return a secret setting; empty where it is not set."""
    value = getattr(settings, field, None)
    return value.get_secret_value() if value is not None else ""
