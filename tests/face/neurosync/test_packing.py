"""Linear layers in oneDNN's layout."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="torch is not installed (extra: torch)")

import torch

from services.face.neurosync.checkpoint import load
from services.face.neurosync.network import Network
from services.face.neurosync.packing import pack


def test_packed_weights_answer_the_same(data: Path, network: Network, golden: Mapping[str, np.ndarray]) -> None:
    packed = load(data / "small.safetensors")
    rows = torch.from_numpy(golden["source"][None, :128])
    with torch.inference_mode():
        pack(packed)
        torch.testing.assert_close(packed(rows), network(rows), rtol=0, atol=5e-4)
