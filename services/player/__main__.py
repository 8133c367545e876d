"""Run the player: `python -m services.player`."""

from __future__ import annotations

import sys

from services.player.server import PlayerService
from services.player.settings import PlayerSettings
from services.serving import main

SWITCH_SECONDS = (
    0.0005  # that a busy thread may keep the others waiting; Python's 5 ms would show as jitter of the face
)


if __name__ == "__main__":
    sys.setswitchinterval(SWITCH_SECONDS)
    raise SystemExit(main(PlayerSettings, PlayerService))
