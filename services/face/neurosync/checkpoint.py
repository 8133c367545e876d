"""Loads NeuroSync checkpoints: strictly, without running anything from the file, and with one copy in memory.

network = load(Path("model.pth"))
network = load(Path("model.safetensors"), precision="bf16", device="cuda")

A JSON file of the same stem beside it (`model.json`) may give `num_heads`, the one size that cannot be inferred from
the weights.
"""

from __future__ import annotations

import json
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, TypeAlias

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from services.common.errors import ConfigurationError
from services.face.neurosync.network import Network, Sizes

Precision: TypeAlias = Literal["fp32", "bf16", "fp16"]
PRECISIONS: dict[Precision, torch.dtype] = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
OUTPUTS = (61, 68)
"""Possible numbers of outputs: curves, or curves and emotions."""
_FIRST, _LAST = "encoder.embedding.weight", "decoder.fc_output.weight"


def load(
    path: Path, *, sizes: Sizes | None = None, precision: Precision = "fp32", device: str | torch.device = "cpu"
) -> Network:
    """Return the network of a `.pth` (a pickled state dict) or `.safetensors` file, ready to run.

    Args:
        path: the file.
        sizes: that it must have; None: inferred from its weights and the JSON file beside it.
        precision: to compute in. Lower ones halve the memory and are faster where the hardware has them.
        device: to compute on.

    Raises:
        ConfigurationError: The file is absent, is no such checkpoint, or a weight is missing, surplus or misshapen.
    """
    try:
        dtype, placed = PRECISIONS[precision], torch.device(device)
        weights = {
            name: tensor.to(placed, dtype).requires_grad_(False)
            for name, tensor in (_read_safetensors(path) if path.suffix == ".safetensors" else _read_pickle(path))
        }
        sizes = sizes or infer(weights, path)
    except OSError as error:
        raise ConfigurationError(f"checkpoint: cannot read {path}: {error.strerror or error}") from error
    with torch.device("meta"):  # shapes only: the weights of the file become the network's own
        network = Network(sizes)
    try:
        network.load_state_dict(weights, strict=True, assign=True)
    except RuntimeError as error:
        raise ConfigurationError(f"checkpoint: {path} does not fit {sizes}: {error}") from error
    return network.eval().requires_grad_(False)


def infer(weights: dict[str, Tensor], path: Path) -> Sizes:
    """Return the sizes of the network that has these weights.

    Args:
        weights: by name.
        path: of their file; for the JSON file beside it, and for error messages.

    Raises:
        ConfigurationError: They are not those of a NeuroSync network.
    """
    if _FIRST not in weights or _LAST not in weights:
        raise ConfigurationError(f"checkpoint: expected {_FIRST} and {_LAST} in {path}, got {sorted(weights)[:3]}")
    hidden, inputs = weights[_FIRST].shape
    outputs = weights[_LAST].shape[0]
    layers = len({name.split(".")[2] for name in weights if name.startswith("encoder.transformer_encoder.")})
    heads = _read_heads(path.with_suffix(".json"))
    if inputs != Sizes.inputs or outputs not in OUTPUTS or heads < 1 or hidden % (2 * heads):
        raise ConfigurationError(
            f"checkpoint: expected {Sizes.inputs} inputs, {OUTPUTS} outputs and pairs of values for each head, got "
            f"{inputs} inputs, {outputs} outputs, {hidden} values and {heads} heads in {path}"
        )
    return Sizes(hidden, layers, heads, outputs, inputs)


def _read_heads(path: Path) -> int:
    """Return `num_heads` of a JSON file, or the published network's if there is none."""
    if not path.exists():
        return Sizes.heads
    try:
        return int(json.loads(path.read_text(encoding="utf-8")).get("num_heads", Sizes.heads))
    except (AttributeError, TypeError, ValueError) as error:
        raise ConfigurationError(f"checkpoint: expected an object with num_heads in {path}, got {error}") from error


def _read_safetensors(path: Path) -> Iterator[tuple[str, Tensor]]:
    """Yield the weights of a safetensors file.

    The library maps the whole file, and what was read of a mapping counts as memory in use until it is closed. So the
    file is opened for each tensor anew: in memory are the tensors' own copies, and one of them twice.
    """
    try:
        with safe_open(path, framework="pt") as file:
            names = list(file.keys())
        for name in names:
            with safe_open(path, framework="pt") as file:
                tensor = file.get_tensor(name)
                if not tensor.is_floating_point():
                    raise ConfigurationError(
                        f"checkpoint: {path}: tensor {name}: expected floating point values, got {tensor.dtype}"
                    )
                yield name, tensor.clone()
    except SafetensorError as error:
        raise ConfigurationError(f"checkpoint: expected a safetensors file in {path}, got {error}") from error


def _read_pickle(path: Path) -> Iterator[tuple[str, Tensor]]:
    """Yield the weights of a `torch.save` file, releasing each; only tensors are unpickled, and no code is run."""
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, EOFError, ValueError, pickle.UnpicklingError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ConfigurationError(f"checkpoint: {path} is no state dict that is safe to load: {reason}") from error
    if not isinstance(state, dict) or not all(isinstance(value, Tensor) for value in state.values()):
        raise ConfigurationError(f"checkpoint: expected a state dict of tensors in {path}, got {type(state).__name__}")
    for name in list(state):
        yield str(name), state.pop(name)
