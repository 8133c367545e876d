"""Fixture that runs each test in an empty folder without NeuroSync settings in the environment."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def isolated_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Change to an empty folder and remove the machine's `NEUROSYNC_*` variables; return the folder."""
    for name in os.environ:
        if name.upper().startswith("NEUROSYNC_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path
