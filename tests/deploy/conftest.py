"""A place without settings of the machine."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def clean_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run in an empty folder and without settings of the machine."""
    for name in os.environ:
        if name.upper().startswith("NEUROSYNC_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
