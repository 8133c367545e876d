"""Scheduling priority of threads: threads that compute yield to those that deliver sound and frames on time."""

from __future__ import annotations

import os
import sys
import threading

BACKGROUND_NICENESS = 5
"""Of 0 to 19. Larger: speech is synthesized later on a machine that is busy with other work; smaller: no effect."""


def lower_priority() -> None:
    """Lower the priority of the calling thread, and of those that it starts, below that of the delivering threads.

    Synthesis has deadlines of tenths of a second, delivery of milliseconds. With all processes of a turn on two cores,
    this shortens the slowest latencies by a third (`make bench`). Only Linux has niceness by thread; elsewhere this
    does nothing.
    """
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), BACKGROUND_NICENESS)
