"""Priorities of threads and processes: niceness and real-time scheduling, where the system allows them."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import threading
from pathlib import Path

logger = logging.getLogger(__name__)

BACKGROUND_NICENESS = 5  # of 0 to 19; larger: speech comes later on a busy machine, smaller: no effect
PREFERRED = -10  # niceness of a process whose threads all hold up one that must be on time
PLAYER_PRIORITY = 10  # of 1 to 99; any comes before all that is not real-time
CALLBACK_PRIORITY = 11  # of the sound library's thread: it is short, and a late one is heard

SOUND_THREADS = frozenset({"threaded-ml", "data-loop.0"})  # of the libraries of PulseAudio and PipeWire, in our process


def lower_priority() -> None:
    """Lower the priority of the calling thread, and of those that it starts, below that of the delivering threads.

    Synthesis has deadlines of tenths of a second, delivery of milliseconds. With all processes of a turn on two cores,
    this shortens the slowest latencies by a third (`make bench`). Only Linux has niceness by thread; elsewhere this
    does nothing.
    """
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), BACKGROUND_NICENESS)


def prefer_process() -> None:
    """Raise the priority of this process over others, where it is allowed."""
    if hasattr(os, "nice"):
        with contextlib.suppress(OSError):
            os.nice(PREFERRED)


def raise_priority(priority: int) -> bool:
    """Ask for real-time scheduling of the calling thread; return whether it was given.

    Only Linux has it by thread; on Windows and macOS the sound library raises the priority of its own threads.
    """
    if sys.platform != "linux":
        return False
    try:
        _set_real_time(0, priority)
    except OSError as error:
        logger.debug("no real-time priority reason=%s", error)
        return False
    return True


def raise_sound_threads() -> None:
    """Ask for real-time scheduling of the threads that carry sound between the sound library and a sound server."""
    if sys.platform != "linux":
        return
    for task in Path("/proc/self/task").iterdir():
        try:
            if (task / "comm").read_text(encoding="utf-8").strip() in SOUND_THREADS:
                _set_real_time(int(task.name), CALLBACK_PRIORITY)
        except OSError as error:  # the thread has ended, or it is not allowed
            logger.debug("no real-time priority thread=%s reason=%s", task.name, error)


def _set_real_time(thread: int, priority: int) -> None:
    if sys.platform == "linux":
        os.sched_setscheduler(thread, os.SCHED_FIFO | os.SCHED_RESET_ON_FORK, os.sched_param(priority))
