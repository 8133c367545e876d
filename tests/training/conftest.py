"""The shipped model, for the tests of its metrics."""

from __future__ import annotations

import pytest

from services.face.lipsync.lip_model import LipModel


@pytest.fixture(scope="session")
def model() -> LipModel:
    return LipModel()
