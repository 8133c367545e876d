"""Real-time scheduling for the threads that must be on time, where the system allows it."""

from __future__ import annotations

import logging
import os
import sys

logger = logging.getLogger(__name__)

PLAYER_PRIORITY = 10  # of 1 to 99; any comes before all that is not real-time
CALLBACK_PRIORITY = 11  # of the sound library's thread: it is short, and a late one is heard


def raise_priority(priority: int) -> bool:
    """Ask for real-time scheduling of the calling thread; return whether it was given.

    Only Linux has it by thread; on Windows and macOS the sound library sees to its own.
    """
    if sys.platform != "linux":
        return False
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO | os.SCHED_RESET_ON_FORK, os.sched_param(priority))
    except OSError as error:
        logger.debug("no real-time priority reason=%s", error)
        return False
    return True
