"""Allocator settings, each tried in a process of its own, because a process keeps them for good."""

from __future__ import annotations

import subprocess
import sys

import pytest

HOLES = """
import ctypes, random, sys
from pathlib import Path
from services.common.memory_allocator import map_large_blocks

libc = ctypes.CDLL(None)
libc.malloc.restype, libc.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
libc.free.argtypes = [ctypes.c_void_p]
resident = lambda: int(Path("/proc/self/statm").read_text().split()[1]) * 4096
if sys.argv[1] == "mapped":
    assert map_large_blocks(1 << 20)
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


def printed_number(script: str, how: str) -> float:
    """Return the number that a script prints, run in a process of its own with `how` as its argument."""
    run = subprocess.run([sys.executable, "-c", script, how], capture_output=True, text=True, check=True)
    return float(run.stdout)


@pytest.mark.skipif(sys.platform != "linux", reason="needs glibc")
def test_large_blocks_that_are_freed_leave_no_holes() -> None:
    shares = {how: printed_number(HOLES, how) for how in ("mapped", "as it is")}
    assert shares["mapped"] < 1.1 < shares["as it is"]


HEAPS = """
import ctypes, sys, threading
from pathlib import Path
from services.common.memory_allocator import use_one_heap

libc = ctypes.CDLL(None)
libc.malloc.restype, libc.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
if sys.argv[1] == "shared":
    assert use_one_heap()
found = []
threads = [threading.Thread(target=lambda: found.append(libc.malloc(2000))) for _ in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
line = next(line for line in Path("/proc/self/maps").read_text().splitlines() if line.endswith("[heap]"))
first, last = (int(edge, 16) for edge in line.split()[0].split("-"))
print(sum(first <= block < last for block in found))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="needs glibc")
def test_threads_allocate_from_one_heap_if_set_so() -> None:
    assert {how: printed_number(HEAPS, how) for how in ("shared", "as it is")} == {"shared": 4, "as it is": 0}
