"""The machine of a benchmark: its processor, versions of libraries, and helpers for percentiles and stolen time."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable, Sequence
from importlib.metadata import version
from pathlib import Path

import numpy as np

PACKAGES = ("grpcio", "numpy", "onnxruntime", "hibari-tts", "xllamacpp")


def describe(packages: Iterable[str] = PACKAGES) -> str:
    """Return the machine and the versions of libraries, to print beside every figure."""
    cpu = platform.processor() or platform.machine()
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        cpu = next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        pass
    versions = ", ".join(f"{name} {version(name)}" for name in packages)
    load = f", load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    return f"{cpu}, {os.cpu_count()} cores{load}; Python {platform.python_version()}, {versions}"


def stolen_seconds() -> float:
    """Return the processor seconds that the host took from this virtual machine so far (steal time); Linux only."""
    try:
        total = Path("/proc/stat").read_text(encoding="ascii").splitlines()[0].split()
        return int(total[8]) / os.sysconf("SC_CLK_TCK")
    except (OSError, IndexError):
        return 0.0


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value below which `share` (0 to 1) of the values lie, interpolated as by numpy."""
    return float(np.percentile(values, 100 * share))
