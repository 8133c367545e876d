"""The transformer against outputs of the published one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="torch is not installed (extra: torch)")

import torch

from services.face.neurosync.checkpoint import load
from services.face.neurosync.network import Network, Sizes, rotary_table, rotate
from services.face.neurosync.packing import pack


def check(network: Network, rows: np.ndarray, encoded: np.ndarray, answer: np.ndarray) -> None:
    with torch.inference_mode():
        x = torch.from_numpy(rows)
        given = network.encoder(x, network.rotations_for(x))
        np.testing.assert_allclose(given.numpy(), encoded, rtol=0, atol=1e-5)
        np.testing.assert_allclose(network(x).numpy(), answer, rtol=0, atol=1e-5 * np.abs(answer).max())


@pytest.mark.parametrize("length", ["two", "seventeen"])
def test_the_network_answers_as_the_published_one(
    golden: Mapping[str, np.ndarray], network: Network, length: str
) -> None:
    check(network, golden[f"in_{length}"], golden[f"enc_{length}"], golden[f"out_{length}"])


@pytest.mark.parametrize("case", range(6))
@pytest.mark.parametrize("packed", [False, True])
def test_the_network_answers_every_recorded_window_as_the_published_one(
    reference: Path, data: Path, case: int, packed: bool
) -> None:
    wanted = np.load(reference / "model" / "forward.npz")
    network = load(data / "small.safetensors")
    if packed:
        with torch.inference_mode():
            pack(network)
    check(network, wanted[f"in_{case}"], wanted[f"enc_{case}"], wanted[f"out_{case}"])


def test_queries_are_rotated_as_published(golden: Mapping[str, np.ndarray]) -> None:
    turned = rotate(torch.from_numpy(golden["rope_q"]), rotary_table(9, 16))
    np.testing.assert_allclose(turned.numpy(), golden["rope_q_out"], rtol=0, atol=1e-6)


def test_the_full_size_has_the_published_names_shapes_and_parameters(data: Path) -> None:
    with torch.device("meta"):
        state = Network(Sizes()).state_dict()
    wanted = json.loads((data / "full_state_dict_keys.json").read_text(encoding="utf-8"))
    assert [[name, list(value.shape), str(value.dtype)] for name, value in state.items()] == wanted["keys"]
    assert sum(value.numel() for value in state.values()) == 235_480_132


@pytest.mark.parametrize(("precision", "most"), [("bf16", 0.03), ("fp16", 0.004)])
def test_lower_precisions_stay_close(
    data: Path, network: Network, golden: Mapping[str, np.ndarray], precision: str, most: float
) -> None:
    rows = torch.from_numpy(golden["source"][None, :128])
    low = load(data / "small.safetensors", precision="bf16" if precision == "bf16" else "fp16")
    with torch.inference_mode():
        exact = network(rows)
        given = low(rows.to(low.encoder.embedding.weight.dtype)).float()
    assert (given - exact).square().mean().sqrt() / exact.square().mean().sqrt() < most
