"""Exports the trained ensemble as the asset that the service loads: an ONNX file and its metadata in JSON."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import TensorProto, helper, numpy_helper

import services.face.lipsync
from services.face.lipsync.lip_model import FEATURES_VERSION
from services.face.lipsync.log_mel import ROW
from training.face.ensemble import folders
from training.face.network import DELAYS, Ensemble, LipNetwork, Sizes
from training.face.targets.phones import PHONES
from training.face.targets.poses import CHANNELS

logger = logging.getLogger(__name__)

OPSET = 17
INPUTS = ("rows", "heard", "first", "second")
"""Names in the exported graph; the shipped file has them too."""
OUTPUTS = ("curves", "heard_after", "first_after", "second_after")
EXACT, ROUNDED = 1e-4, 0.02
"""Largest difference between ONNX Runtime and torch on noise; and that of its curves once the weights are rounded."""


def load(folder: Path) -> Ensemble:
    """Return the trained networks of a folder as an ensemble in evaluation mode."""
    members = []
    for path in folders(folder):
        network = LipNetwork(Sizes(len(CHANNELS), len(PHONES)))
        network.load_state_dict(torch.load(path / "checkpoint.pt", weights_only=True))
        members.append(network)
    return Ensemble(members).eval()


def _compress(path: Path) -> None:
    """Store the matrices of an ONNX file in int8 with a scale for each row; loading converts them back."""
    model = onnx.load(path)
    stored, widened = [], []
    for tensor in model.graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.dtype != np.float32 or values.ndim < 2:
            stored.append(tensor)
            continue
        scale = np.maximum(np.abs(values).max(axis=-1, keepdims=True), 1e-12) / 127
        whole, wide, by = (f"{tensor.name}.{part}" for part in ("whole", "wide", "scale"))
        stored += [
            numpy_helper.from_array(np.round(values / scale).astype(np.int8), whole),
            numpy_helper.from_array(scale.astype(np.float32), by),
        ]
        widened += [
            helper.make_node("Cast", [whole], [wide], to=TensorProto.FLOAT),
            helper.make_node("Mul", [wide, by], [tensor.name]),
        ]
    nodes = [*widened, *model.graph.node]
    for kept, wanted in ((model.graph.initializer, stored), (model.graph.node, nodes)):
        del kept[:]
        kept.extend(wanted)
    onnx.save(model, path)


def _differences(path: Path, network: Ensemble) -> list[float]:
    """Return the largest difference between ONNX Runtime and torch on noise, for each of `OUTPUTS`."""
    generator = torch.Generator().manual_seed(1)
    inputs = [torch.randn(part.shape, generator=generator) for part in (torch.empty(3, 23, ROW), *network.begin(3))]
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    given = session.run(list(OUTPUTS), {name: part.numpy() for name, part in zip(INPUTS, inputs, strict=True)})
    wanted = [part.detach().numpy() for part in network(*inputs)]
    return [float(np.abs(a - b).max()) for a, b in zip(given, wanted, strict=True)]


def export(folder: Path, name: str) -> None:
    """Write `<name>.onnx` and `<name>.json` into the service's assets.

    Args:
        folder: of the member folders, which hold `checkpoint.pt` and `training.json`.
        name: of the model.

    Raises:
        ValueError: Outputs of ONNX Runtime and torch differ too much, or rounding the weights changes them too much.
    """
    ensemble = load(folder)
    inputs = (torch.zeros(1, 9, ROW), *ensemble.begin(1))
    assets = Path(services.face.lipsync.__path__[0]) / "assets"
    assets.mkdir(exist_ok=True)
    path = assets / f"{name}.onnx"
    axes = {n: {0: "batch"} for n in ("heard", "heard_after")} | {
        n: {0: "batch", 1: "time"} for n in ("rows", "curves")
    }
    axes |= {n: {1: "batch"} for n in ("first", "second", "first_after", "second_after")}
    torch.onnx.export(
        ensemble,
        inputs,
        str(path),
        input_names=list(INPUTS),
        output_names=list(OUTPUTS),
        dynamic_axes=axes,
        opset_version=OPSET,
        dynamo=False,
    )
    if (worst := max(_differences(path, ensemble))) > EXACT:
        raise ValueError(f"ONNX Runtime and torch differ by {worst:.2g}, expected at most {EXACT}")
    _compress(path)
    if (moved := _differences(path, ensemble)[0]) > ROUNDED:
        raise ValueError(f"rounded weights move a curve by {moved:.2g}, expected at most {ROUNDED}")
    path.with_suffix(".json").write_text(json.dumps(_metadata(folder, ensemble), indent=2) + "\n")
    logger.info("%s: %.2f MB; rounded weights move noise by %.1g", path, path.stat().st_size / 1e6, moved)


def _metadata(folder: Path, ensemble: Ensemble) -> dict[str, object]:
    """Return the contents of the JSON file beside the network: its outputs, and how its members were trained."""
    reports = [json.loads((member / "training.json").read_text()) for member in folders(folder)]
    return {
        "features_version": FEATURES_VERSION,
        "channels": CHANNELS,
        "delays": DELAYS,
        "kernel": ensemble.members[0].sizes.kernel,
        "width": ensemble.width,
        "license": "Apache-2.0",
        "training": reports,
    }
