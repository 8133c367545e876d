"""The Kubernetes manifests as `kubectl` renders them."""

from __future__ import annotations

import shutil
import subprocess
from functools import cache
from typing import Any

import pytest
import yaml

from tests.deploy.facts import ROOT

KUSTOMIZE = ROOT / "deploy/kustomize"
STAGES = ("face", "llm", "tts")
DEPLOYED = {
    "base": ("orchestrator", *STAGES),
    "overlays/local": ("orchestrator", "player", *STAGES),
    "overlays/gpu": ("orchestrator", *STAGES),
}
Object = dict[str, Any]


@cache
def rendered(folder: str) -> list[Object]:
    """Return the objects that `kubectl apply -k` would send."""
    if shutil.which("kubectl") is None:
        pytest.skip("kubectl is not installed, so nothing can be rendered")
    command = ["kubectl", "kustomize", str(KUSTOMIZE / folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert not done.stderr  # a warning would be here
    return list(yaml.safe_load_all(done.stdout))


def of(folder: str, kind: str) -> dict[str, Object]:
    """Return the rendered objects of a kind by name, without the common prefix."""
    found = (item for item in rendered(folder) if item["kind"] == kind)
    return {item["metadata"]["name"].removeprefix("neurosync-"): item for item in found}
