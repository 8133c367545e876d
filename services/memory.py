"""What the allocator does with memory that was freed; only where glibc allocates, elsewhere nothing happens."""

from __future__ import annotations

import ctypes
import sys

_MMAP_THRESHOLD = -3  # M_MMAP_THRESHOLD of malloc.h


def give_back() -> bool:
    """Return freed memory to the system, in some ms; tell whether there was any. Most of a flood's would be kept."""
    if sys.platform != "linux":
        return False
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    return trim is not None and bool(trim(0))


def map_blocks(least_bytes: int) -> bool:
    """Let every block from this size on have pages of its own, which go back to the system when it is freed.

    The allocator begins so, but moves its threshold up to 32 MB as soon as a large block is freed; where blocks of many
    sizes come and go, such as a model's states, holes then add up to far more than what is in use.
    """
    if sys.platform != "linux":
        return False
    option = getattr(ctypes.CDLL(None), "mallopt", None)
    return option is not None and bool(option(_MMAP_THRESHOLD, least_bytes))
