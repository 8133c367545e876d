"""Reads the lines typed at a terminal in a thread, and queues them for asyncio."""

from __future__ import annotations

import asyncio
import sys
import threading


def read_lines(loop: asyncio.AbstractEventLoop) -> asyncio.Queue[str | None]:
    """Return a queue of the lines typed, None at their end.

    A thread reads, as a terminal cannot be awaited on every system; it ends with the process.
    """
    lines: asyncio.Queue[str | None] = asyncio.Queue()  # people type slowly

    def read() -> None:
        for line in sys.stdin:
            loop.call_soon_threadsafe(lines.put_nowait, line)
        loop.call_soon_threadsafe(lines.put_nowait, None)

    threading.Thread(target=read, name="read lines", daemon=True).start()
    return lines
