"""Fixtures of the tests of the deployment: an environment without settings, and the folders of manifests."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.deploy.rendering import DEPLOYED


@pytest.fixture(autouse=True)
def clean_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run in an empty folder and without the settings of the machine."""
    for name in os.environ:
        if name.upper().startswith("NEUROSYNC_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


@pytest.fixture(params=DEPLOYED)
def folder(request: pytest.FixtureRequest) -> str:
    """Return a folder of `deploy/kustomize` that can be applied."""
    return str(request.param)
