"""Settings of glibc's memory allocator that keep long-running processes small; without effect on other systems."""

from __future__ import annotations

import ctypes
import sys

_MMAP_THRESHOLD, _ARENA_MAX = -3, -8  # M_MMAP_THRESHOLD and M_ARENA_MAX of malloc.h


def release_freed_memory() -> bool:
    """Return freed memory to the system, which takes some ms; return whether there was any.

    By itself the allocator keeps most of what a burst of calls has used.
    """
    if sys.platform != "linux":
        return False
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    return trim is not None and bool(trim(0))


def map_large_blocks(least_bytes: int) -> bool:
    """Give every block from this size on pages of its own, returned to the system when it is freed.

    The allocator starts like this, but raises its threshold up to 32 MB as soon as a large block is freed. Where blocks
    of many sizes come and go, such as the states of a model, the holes then add up to far more than what is in use.

    Returns:
        Whether the allocator took the setting.
    """
    return _set(_MMAP_THRESHOLD, least_bytes)


def use_one_heap() -> bool:
    """Let all threads started from now on allocate from one heap.

    By default each thread has a heap of its own. What one thread allocates and another frees, such as sound, leaves
    holes in all of them: a player whose devices come and go grew by 2 % in an hour.

    Returns:
        Whether the allocator took the setting.
    """
    return _set(_ARENA_MAX, 1)


def _set(option: int, value: int) -> bool:
    if sys.platform != "linux":
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    return mallopt is not None and bool(mallopt(option, value))
