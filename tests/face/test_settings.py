"""Settings of the face service as they come from the environment."""

from __future__ import annotations

import pytest

from services.common.errors import ConfigurationError
from services.common.settings import load
from services.face.settings import FaceSettings


def test_the_wait_of_the_network_is_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEUROSYNC_FACE_WAIT", "50")
    assert load(FaceSettings).wait == 50
    monkeypatch.setenv("NEUROSYNC_FACE_WAIT", "70")
    with pytest.raises(ConfigurationError, match="wait: Input should be 50, 100 or 200"):
        load(FaceSettings)
