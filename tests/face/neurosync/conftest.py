"""The recorded results of the published model, and a small network of its architecture."""

from __future__ import annotations

import os
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

if TYPE_CHECKING:
    from services.face.neurosync.network import Network
    from services.face.neurosync.runner import DirectRunner
    from services.face.neurosync.spectral_features import FeatureExtractor

DATA = Path(__file__).parents[2] / "data" / "neurosync"


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    """Small products are slower on several threads, and slowest where those are shared with other processes."""
    if find_spec("torch") is None:
        return
    import torch

    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def data() -> Path:
    """Return the folder of recorded results that is always there."""
    return DATA


@pytest.fixture(scope="session")
def golden(data: Path) -> Mapping[str, np.ndarray]:
    return dict(np.load(data / "golden.npz"))


@pytest.fixture(scope="session")
def reference() -> Path:
    """Return the folder of all recorded results."""
    named = os.environ.get("NEUROSYNC_REFERENCE_DIR")
    if not named:
        pytest.skip("NEUROSYNC_REFERENCE_DIR is not set")
    return Path(named) / "golden"


@pytest.fixture(scope="session")
def network(data: Path) -> Network:
    from services.face.neurosync.checkpoint import load

    return load(data / "small.safetensors")


@pytest.fixture(scope="session")
def runner(network: Network) -> DirectRunner:
    from services.face.neurosync.runner import DirectRunner

    return DirectRunner(network)


@pytest.fixture(scope="session")
def extractor() -> FeatureExtractor:
    from services.face.neurosync.spectral_features import FeatureExtractor

    return FeatureExtractor()
