"""Checkpoints: which files load, and the errors for those that do not."""

from __future__ import annotations

import json
import pickle
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="torch is not installed (extra: torch)")

import torch

from services.common.errors import ConfigurationError
from services.face.neurosync.checkpoint import load
from services.face.neurosync.network import Network, Sizes

TINY = Sizes(hidden=32, layers=1, heads=2, outputs=61)
State = dict[str, torch.Tensor]


def write_safetensors(path: Path, state: State) -> None:
    """Write a file as specified, independently of the reader."""
    header, data = {}, b""
    for name, value in state.items():
        kind = {torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16"}[value.dtype]
        raw = value.contiguous().view(torch.uint8).numpy().tobytes()
        header[name] = {"dtype": kind, "shape": list(value.shape), "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps({"__metadata__": {"format": "pt"}, **header}).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + data)


@pytest.fixture
def state() -> State:
    torch.manual_seed(3)
    made: State = Network(TINY).state_dict()
    return made


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
@pytest.mark.parametrize("kind", [torch.float32, torch.float16, torch.bfloat16])
def test_a_checkpoint_of_either_format_and_any_precision_loads(
    tmp_path: Path, state: State, suffix: str, kind: torch.dtype
) -> None:
    path = tmp_path / f"model{suffix}"
    stored = {name: value.to(kind) for name, value in state.items()}
    torch.save(stored, path) if suffix == ".pth" else write_safetensors(path, stored)
    path.with_suffix(".json").write_text('{"num_heads": 2}')
    network = load(path)
    assert network.sizes == TINY
    assert not network.training
    for name, value in network.state_dict().items():
        torch.testing.assert_close(value, stored[name].float(), rtol=0, atol=0)


def test_sizes_are_inferred_from_the_weights_and_the_file_beside_them(data: Path) -> None:
    assert load(data / "small.safetensors").sizes == Sizes(64, 2, 4, 68)


def test_a_checkpoint_without_a_file_beside_it_has_the_published_heads(data: Path, tmp_path: Path) -> None:
    shutil.copyfile(data / "small.safetensors", tmp_path / "model.safetensors")
    assert load(tmp_path / "model.safetensors").sizes.heads == 16


def test_the_file_of_the_reference_loads(reference: Path, data: Path) -> None:
    pickled = load(reference / "model" / "small.pth", sizes=Sizes(64, 2, 4, 68)).state_dict()
    for name, value in load(data / "small.safetensors").state_dict().items():
        torch.testing.assert_close(pickled[name], value, rtol=0, atol=0)


def without(state: State) -> None:
    del state["encoder.layer_norm.weight"]


def surplus(state: State) -> None:
    state["encoder.positions"] = torch.zeros(3)


def misshapen(state: State) -> None:
    state["encoder.layer_norm.weight"] = torch.zeros(33)


def outputs(state: State) -> None:
    state["decoder.fc_output.weight"] = torch.zeros(51, 32)


def empty(state: State) -> None:
    state.clear()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (without, 'Missing key.*"encoder.layer_norm.weight"'),
        (surplus, 'Unexpected key.*"encoder.positions"'),
        (misshapen, "size mismatch for encoder.layer_norm.weight"),
        (outputs, "expected 256 inputs, .61, 68. outputs .* 51 outputs"),
        (empty, "expected encoder.embedding.weight and decoder.fc_output.weight"),
    ],
)
def test_weights_that_do_not_fit_are_refused_by_name(
    tmp_path: Path, state: State, change: Callable[[State], None], reason: str
) -> None:
    change(state)
    path = tmp_path / "model.pth"
    torch.save(state, path)
    path.with_suffix(".json").write_text('{"num_heads": 2}')
    with pytest.raises(ConfigurationError, match=f"(?s){reason}"):
        load(path)


class Harmful:
    """Runs something when it is unpickled."""

    def __reduce__(self) -> tuple[Callable[[str], None], tuple[str]]:
        return exec, ("raise SystemExit('run')",)


def test_code_in_a_pickle_is_refused_and_not_run(tmp_path: Path) -> None:
    for name, write in {
        "new": torch.save,
        "old": lambda what, path: path.write_bytes(pickle.dumps(what, protocol=2)),
    }.items():
        path = tmp_path / f"{name}.pth"
        write({"encoder.embedding.weight": Harmful()}, path)
        with pytest.raises(ConfigurationError, match="no state dict that is safe to load"):
            load(path)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"not weights at all" * 20, pickle.dumps([1, 2], protocol=2)])
@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_a_file_that_is_no_checkpoint_is_refused(tmp_path: Path, content: bytes, suffix: str) -> None:
    path = tmp_path / f"model{suffix}"
    path.write_bytes(content)
    with pytest.raises(ConfigurationError, match="model"):
        load(path)


def test_an_absent_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"checkpoint: cannot read .*model\.pth: No such file"):
        load(tmp_path / "model.pth")


@pytest.mark.parametrize("bytes_kept", [4, 200, -1])
def test_a_damaged_safetensors_file_is_refused(tmp_path: Path, state: State, bytes_kept: int) -> None:
    path = tmp_path / "model.safetensors"
    write_safetensors(path, state)
    path.write_bytes(path.read_bytes()[:bytes_kept])
    with pytest.raises(ConfigurationError, match=r"model\.safetensors"):
        load(path)


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        ({"dtype": "F32", "shape": [2], "data_offsets": [0, 4]}, "invalid shape, data type, or offset"),
        (
            {"dtype": "I64", "shape": [2], "data_offsets": [0, 16]},
            r"tensor encoder\.embedding\.weight: expected",
        ),
        ({"dtype": "F32", "shape": [-2, -1], "data_offsets": [0, 8]}, "invalid value: integer `-2`"),
        ({"dtype": "F32", "shape": [1 << 40], "data_offsets": [0, 1 << 42]}, "file not fully covered"),
        ({"dtype": "F32"}, "missing field `shape`"),
        (7, "invalid type: integer `7`"),
    ],
)
def test_a_safetensors_entry_that_makes_no_sense_is_refused(tmp_path: Path, entry: object, reason: str) -> None:
    path = tmp_path / "model.safetensors"
    text = json.dumps({"encoder.embedding.weight": entry}).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + bytes(16))
    with pytest.raises(ConfigurationError, match=reason) as refusal:
        load(path)
    assert str(path) in str(refusal.value)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads its memory from /proc")
@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_a_full_size_checkpoint_comes_back_as_it_was_with_one_copy_in_memory(tmp_path: Path, suffix: str) -> None:
    """In a process of its own, so that its peak is its own."""
    script = """
import sys, torch
from pathlib import Path
from safetensors.torch import load_file, save_file
from services.face.neurosync.checkpoint import load
from services.face.neurosync.network import Network, Sizes
path = Path(sys.argv[1])
if not path.exists():
    torch.manual_seed(1)
    state = Network(Sizes()).state_dict()
    torch.save(state, path) if path.suffix == ".pth" else save_file(state, path)
else:
    network = load(path)
    status = Path("/proc/self/status").read_text()
    peak = next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM"))
    assert network.sizes == Sizes()
    weights = sum(p.numel() for p in network.parameters()) * 4
    assert weights == 941_920_528, weights
    assert peak < weights + 300e6, peak
    stored = torch.load(path, weights_only=True, mmap=True) if path.suffix == ".pth" else load_file(path)
    assert all(torch.equal(value, stored[name]) for name, value in network.state_dict().items())
"""
    for _ in range(2):
        subprocess.run([sys.executable, "-c", script, str(tmp_path / f"model{suffix}")], check=True, timeout=150)
