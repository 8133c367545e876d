"""Fixtures of the tests of the deployment: an environment without settings, and the folders of manifests."""

from __future__ import annotations

import pytest

from tests.deploy.rendering import DEPLOYED
from tests.isolation import isolated_folder as isolated_folder


@pytest.fixture(params=DEPLOYED)
def folder(request: pytest.FixtureRequest) -> str:
    """Return a folder of `deploy/kustomize` that can be applied."""
    return str(request.param)
