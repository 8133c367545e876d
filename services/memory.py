"""Give memory that was freed back to the system: after a flood, the allocator would keep most of it."""

from __future__ import annotations

import ctypes
import sys


def give_back() -> bool:
    """Return freed memory to the system; tell whether there was any. Some milliseconds; only where glibc allocates."""
    if sys.platform != "linux":
        return False
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    return trim is not None and bool(trim(0))
