"""Read the weights of a `.safetensors` file, one tensor at a time, without a second copy in memory.

offset  size  field
 0       8    length n of the header, uint64 little endian
 8       n    JSON: name -> {"dtype": "F32", "shape": [...], "data_offsets": [begin, end]}; "__metadata__" is text
 8 + n        the values, little endian, row by row; offsets count from here

Source: the format's specification, README of huggingface/safetensors.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from io import BufferedReader
from math import prod
from pathlib import Path

import torch
from torch import Tensor

from services.common.errors import ConfigurationError

_TYPES = {"F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16, "F64": torch.float64}
_LONGEST_HEADER = 100_000_000
"""Bytes; the limit of the specification. A file that is something else seems to have an endless header."""


def read(path: Path) -> Iterator[tuple[str, Tensor]]:
    """Yield the names and tensors of a file.

    Raises:
        ConfigurationError: It is no such file, or it is damaged.
        OSError: It cannot be read.
    """
    with path.open("rb") as file:
        header = _header(file, path)
        start = file.tell()
        for name, entry in header.items():
            if name != "__metadata__":
                yield name, _tensor(file, start, entry, f"{path}: tensor {name}")


def _header(file: BufferedReader, path: Path) -> dict[str, object]:
    length = int.from_bytes(file.read(8), "little")
    try:
        header = json.loads(file.read(length)) if 0 < length <= _LONGEST_HEADER else None
    except ValueError as error:
        raise ConfigurationError(f"{path}: expected a safetensors header, got {error}") from error
    if not isinstance(header, dict):
        raise ConfigurationError(f"{path}: expected a safetensors header, got {length} bytes of something else")
    return header


def _tensor(file: BufferedReader, start: int, entry: object, what: str) -> Tensor:
    """Return one tensor that `entry` of the header describes."""
    try:
        assert isinstance(entry, dict)
        kind, shape = _TYPES[entry["dtype"]], tuple(int(size) for size in entry["shape"])
        begin, end = (int(offset) for offset in entry["data_offsets"])
    except (AssertionError, KeyError, TypeError, ValueError) as error:
        raise ConfigurationError(
            f"{what}: expected dtype in {sorted(_TYPES)}, shape and offsets, got {entry}"
        ) from error
    wanted = prod(shape) * kind.itemsize
    if begin < 0 or end - begin != wanted or min(shape, default=0) < 0:
        raise ConfigurationError(f"{what}: expected {wanted} bytes of values, got offsets {begin} to {end}")
    size = os.fstat(file.fileno()).st_size
    if start + end > size:
        raise ConfigurationError(f"{what}: expected {start + end} bytes or more in the file, got {size}")
    file.seek(start + begin)
    tensor = torch.empty(shape, dtype=kind)
    file.readinto(tensor.view(-1).view(torch.uint8).numpy())
    return tensor
