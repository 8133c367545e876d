"""What is freed goes back to the system: looked at in a process of its own, as the allocator keeps its settings."""

from __future__ import annotations

import subprocess
import sys

import pytest

SCRIPT = """
import ctypes, random, sys
from pathlib import Path
from services.memory import map_blocks

libc = ctypes.CDLL(None)
libc.malloc.restype, libc.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
libc.free.argtypes = [ctypes.c_void_p]
resident = lambda: int(Path("/proc/self/statm").read_text().split()[1]) * 4096
if sys.argv[1] == "mapped":
    assert map_blocks(1 << 20)
dice, blocks = random.Random(1), []
libc.free(libc.malloc(30 << 20))  # from here on, the threshold is 30 MB
before = resident()
for _ in range(60):
    size = dice.randrange(1 << 20, 8 << 20)
    block = libc.malloc(size)
    ctypes.memset(block, 1, size)
    blocks.append((block, size))
for block, _ in blocks[::2]:
    libc.free(block)
held = sum(size for _, size in blocks[1::2])
print((resident() - before) / held)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="asks glibc")
def test_large_blocks_that_are_freed_leave_no_holes() -> None:
    shares = {}
    for how in ("mapped", "as it is"):
        run = subprocess.run([sys.executable, "-c", SCRIPT, how], capture_output=True, text=True, check=True)
        shares[how] = float(run.stdout)
    assert shares["mapped"] < 1.1 < shares["as it is"]
