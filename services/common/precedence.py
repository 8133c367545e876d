"""Who goes first where cores are few: what is on its way to the ear, or what is still being made."""

from __future__ import annotations

import os
import sys
import threading

BEHIND = 5  # of 19; larger: speech is made later on a machine that is busy with other things, smaller: no difference


def give_way() -> None:
    """Let the calling thread, and those that it starts, go behind the threads that pass sound and frames on.

    What they make is needed in tenths of a second, what the others hold in milliseconds. With the processes of a whole
    turn on two cores it takes a third off the slowest ways (`make bench`). Only Linux has niceness by thread.
    """
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), BEHIND)
