"""Run the player: `python -m services.player`."""

from __future__ import annotations

import contextlib
import os
import sys

from services.common.allocator import use_one_heap
from services.player.server import PlayerService
from services.player.settings import PlayerSettings
from services.serving.server import main

SWITCH_SECONDS = 0.0005
"""That a busy thread may keep the others waiting; Python's 5 ms would show as jitter of the face."""
NICENESS = -10
"""Of all threads: whoever holds Python's lock holds up the player's thread."""


def prefer() -> None:
    """Ask the system to run this process before others, where it is allowed."""
    if hasattr(os, "nice"):
        with contextlib.suppress(OSError):
            os.nice(NICENESS)


if __name__ == "__main__":
    sys.setswitchinterval(SWITCH_SECONDS)
    prefer()
    use_one_heap()
    raise SystemExit(main(PlayerSettings, PlayerService))
