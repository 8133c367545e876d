"""Selection of the model, and the error where a library that it needs is missing."""

from __future__ import annotations

import subprocess
import sys

import pytest

from services.common.errors import ConfigurationError
from services.common.settings import load
from services.face import registry as models
from services.face.settings import FaceSettings


def test_the_shipped_model_is_the_default_and_needs_no_torch() -> None:
    script = (
        "import sys; from services.face.registry import load_model; from services.face.settings import FaceSettings;"
        "print(load_model(FaceSettings()).description.name, 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.split() == ["lipsync", "False"]


def test_the_transformer_without_torch_names_the_command_that_brings_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models, "find_spec", lambda name: None)
    with pytest.raises(ConfigurationError, match=r'pip install "neurosync\[face,torch\]"'):
        models.load_model(load(FaceSettings, model="neurosync"))
