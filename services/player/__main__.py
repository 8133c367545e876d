"""Run the player: `python -m services.player`."""

from __future__ import annotations

import sys

from services.common.memory import share_heap
from services.common.scheduling import prefer_process
from services.player.server import PlayerService
from services.player.settings import PlayerSettings
from services.serving.server import main

SWITCH_SECONDS = 0.0005
"""For how long a busy thread may keep Python's lock; the default of 5 ms would show as jitter of the face."""

if __name__ == "__main__":
    sys.setswitchinterval(SWITCH_SECONDS)
    prefer_process()  # all threads: whichever holds Python's lock delays the player's thread
    share_heap()
    raise SystemExit(main(PlayerSettings, PlayerService))
