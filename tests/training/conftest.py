"""The shipped model, for the tests that judge it."""

from __future__ import annotations

import pytest

from services.face.lipsync.lip_model import LipModel


@pytest.fixture(scope="session")
def model() -> LipModel:
    return LipModel()
