"""What the allocator does with memory that was freed; only where glibc allocates, elsewhere nothing happens."""

from __future__ import annotations

import ctypes
import sys

_MMAP_THRESHOLD, _ARENA_MAX = -3, -8  # M_MMAP_THRESHOLD and M_ARENA_MAX of malloc.h


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
    return _set(_MMAP_THRESHOLD, least_bytes)


def share_heap() -> bool:
    """Let all threads that begin from now on allocate from one heap; tell whether it could be said.

    The allocator gives each thread one. What one thread makes and another frees, such as sound, leaves holes in all
    of them: a player whose devices come and go grew by 2 % in an hour.
    """
    return _set(_ARENA_MAX, 1)


def _set(option: int, value: int) -> bool:
    if sys.platform != "linux":
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    return mallopt is not None and bool(mallopt(option, value))
