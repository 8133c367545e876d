"""Real-time scheduling for the threads that must be on time, where the system allows it."""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path

logger = logging.getLogger(__name__)

PLAYER_PRIORITY = 10  # of 1 to 99; any comes before all that is not real-time
CALLBACK_PRIORITY = 11  # of the sound library's thread: it is short, and a late one is heard

SOUND_THREADS = frozenset({"threaded-ml", "data-loop.0"})  # of the libraries of PulseAudio and PipeWire, in our process


def raise_sound_threads() -> None:
    """Ask for real-time scheduling of the threads that carry sound between the sound library and a sound server."""
    if sys.platform != "linux":
        return
    for task in Path("/proc/self/task").iterdir():
        try:
            if (task / "comm").read_text(encoding="utf-8").strip() in SOUND_THREADS:
                _raise(int(task.name), CALLBACK_PRIORITY)
        except OSError as error:  # the thread has ended, or it is not allowed
            logger.debug("no real-time priority thread=%s reason=%s", task.name, error)


def raise_priority(priority: int) -> bool:
    """Ask for real-time scheduling of the calling thread; return whether it was given.

    Only Linux has it by thread; on Windows and macOS the sound library sees to its own.
    """
    if sys.platform != "linux":
        return False
    try:
        _raise(0, priority)
    except OSError as error:
        logger.debug("no real-time priority reason=%s", error)
        return False
    return True


def _raise(thread: int, priority: int) -> None:
    if sys.platform == "linux":
        os.sched_setscheduler(thread, os.SCHED_FIFO | os.SCHED_RESET_ON_FORK, os.sched_param(priority))
