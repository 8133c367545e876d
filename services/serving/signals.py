"""SIGINT and SIGTERM as an asyncio event: the first one asks a process to stop, the second one ends it at once."""

from __future__ import annotations

import asyncio
import signal


def stop_on_signal() -> asyncio.Event:
    """Return an event that the first SIGINT or SIGTERM sets; a second signal has its default effect."""
    loop, stop = asyncio.get_running_loop(), asyncio.Event()

    def once(number: int, frame: object = None) -> None:
        signal.signal(number, signal.SIG_DFL)
        loop.call_soon_threadsafe(stop.set)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, once)
    return stop
