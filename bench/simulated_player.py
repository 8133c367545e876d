"""The player on a simulated device, as a process: `python -m bench.simulated_player`.

NEUROSYNC_BENCH_DEVICE_LATENCY=0.02 are the seconds from writing a sample to hearing it.
"""

from __future__ import annotations

import os
import sys

from bench.device import RATE, SimulatedDevice
from services.player.__main__ import main
from services.player.server import PlayerService
from services.player.settings import PlayerSettings

LATENCY = float(os.environ.get("NEUROSYNC_BENCH_DEVICE_LATENCY", "0.02"))


def build(settings: PlayerSettings) -> PlayerService:
    """Return the service of the player with the device in place of a real one."""
    device = SimulatedDevice(settings.sample_rate or RATE, latency=LATENCY)
    return PlayerService(settings, open_device=lambda *_, **__: device)


if __name__ == "__main__":
    sys.exit(main(program="python -m bench.simulated_player", make_service=build))
