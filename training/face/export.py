"""Write the trained network as the asset that the service loads: one ONNX file and its facts."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from torch import Tensor, nn

import services.face
from services.face.features import ROW
from services.face.model import FEATURES_VERSION
from training.face.network import DELAYS, LipNetwork, Sizes
from training.face.phones import PHONES
from training.face.poses import CHANNELS

logger = logging.getLogger(__name__)

OPSET = 17
INPUTS = ("rows", "heard", "first", "second")
OUTPUTS = ("curves", "heard_after", "first_after", "second_after")


class Shipped(nn.Module):  # type: ignore[misc,unused-ignore]
    """The network without its exercise."""

    def __init__(self, network: LipNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(
        self, rows: Tensor, heard: Tensor, first: Tensor, second: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Answer rows and states with curves and states."""
        curves, _, heard, first, second = self.network(rows, heard, first, second)
        return curves, heard, first, second


def load(folder: Path) -> LipNetwork:
    """Return the trained network of a folder, ready to answer."""
    network = LipNetwork(Sizes(len(CHANNELS), len(PHONES)))
    network.load_state_dict(torch.load(folder / "checkpoint.pt", weights_only=True))
    network.eval()
    return network


def export(folder: Path, name: str) -> None:
    """Write `<name>.onnx` and `<name>.json` into the service's assets.

    Args:
        folder: holds `checkpoint.pt` and `training.json`.
        name: of the model.

    Raises:
        ValueError: ONNX Runtime and torch disagree about what it says.
    """
    network = load(folder)
    shipped = Shipped(network).eval()
    rows = torch.randn(1, 9, ROW)
    states = network.begin(1)
    assets = Path(services.face.__path__[0]) / "assets"
    assets.mkdir(exist_ok=True)
    path = assets / f"{name}.onnx"
    axes = {n: {0: "batch"} for n in ("heard", "heard_after")} | {
        n: {0: "batch", 1: "time"} for n in ("rows", "curves")
    }
    axes |= {n: {1: "batch"} for n in ("first", "second", "first_after", "second_after")}
    torch.onnx.export(
        shipped,
        (rows, *states),
        str(path),
        input_names=list(INPUTS),
        output_names=list(OUTPUTS),
        dynamic_axes=axes,
        opset_version=OPSET,
        dynamo=False,
    )
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    rows = torch.randn(3, 23, ROW)
    states = tuple(torch.randn_like(state) for state in network.begin(3))
    wanted = [tensor.detach().numpy() for tensor in shipped(rows, *states)]
    feeds = {key: tensor.numpy() for key, tensor in zip(INPUTS, (rows, *states), strict=True)}
    given = session.run(list(OUTPUTS), feeds)
    worst = max(float(np.abs(a - b).max()) for a, b in zip(given, wanted, strict=True))
    if worst > 1e-4:
        raise ValueError(f"ONNX Runtime and torch differ by {worst:.2g}, expected at most 1e-4")
    report = json.loads((folder / "training.json").read_text())
    facts = {
        "features_version": FEATURES_VERSION,
        "channels": CHANNELS,
        "delays": DELAYS,
        "kernel": network.sizes.kernel,
        "width": network.sizes.width,
        "license": "Apache-2.0",
        "training": report,
    }
    path.with_suffix(".json").write_text(json.dumps(facts, indent=2) + "\n")
    logger.info("%s: %.2f MB, torch and ONNX Runtime agree to %.1g", path, path.stat().st_size / 1e6, worst)
