"""Benchmarks of the face service: `python -m bench.face [shipped] [checkpoint] [gpu]`; by default all that can run."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

from bench.face import shipped
from bench.face.streams import measure, served
from bench.machine import PACKAGES, describe

STREAMS = (1, 20, 40)
GPU_STREAMS = (1, 50, 100, 200, 300, 400, 500)
SECONDS = 20.0
LATE = {"lipsync": 0.030, "neurosync": 0.050}
"""Seconds that the 99th of a hundred frames may be late."""


def main(names: list[str]) -> None:
    """Measure what is named and possible."""
    has_torch = find_spec("torch") is not None
    wanted = names or ["shipped", "checkpoint", "gpu"]
    packages = (*PACKAGES[:3], *(["torch", "librosa", "soxr"] if has_torch else []))
    print(f"{describe(packages)}\n", flush=True)
    if "shipped" in wanted:
        shipped.main()
        asyncio.run(streams("lipsync", STREAMS))
    if not has_torch:
        print("the checkpoint is not measured: torch is not installed (make bench-face brings it)")
        return
    with tempfile.TemporaryDirectory() as folder:
        if "checkpoint" in wanted:
            from bench.face import checkpoint

            checkpoint.main(Path(folder) / "model.pth")
        if "gpu" in wanted:
            gpu(Path(folder) / "model.pth")


def gpu(path: Path) -> None:
    """Serve the checkpoint from a GPU, if there is one, to growing numbers of streams."""
    import torch

    from bench.face import checkpoint

    if not torch.cuda.is_available():
        print("streams from a GPU are not measured: torch finds none")
        return
    print(torch.cuda.get_device_name())
    if not path.exists():
        checkpoint.make(path)
    for precision in ("fp32", "bf16"):
        print(precision)
        asyncio.run(streams("neurosync", GPU_STREAMS, checkpoint=path, device="cuda", precision=precision))


async def streams(model: str, counts: tuple[int, ...], **settings: object) -> None:
    """Print the measured capacity, and how late frames are at each number of streams."""
    async with served(model=model, **settings) as service:
        description = await service.described()
    print(f"  the service measured that it keeps {description.capacity_stream_count} streams of {model}")
    limits = {"capacity": max(counts), "max_open_calls": max(counts) + 10}
    async with served(model=model, **limits, **settings) as service:
        for count in counts:
            late = await measure(service, count, SECONDS)
            print(f"  {late.summary(count)} (target p99 {1e3 * LATE[model]:.0f})", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
