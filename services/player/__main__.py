"""Run the player: `python -m services.player`; `--help` lists its settings."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

from services.common.memory_allocator import use_one_heap
from services.common.scheduling import prefer_process
from services.player.settings import PlayerSettings
from services.serving.process import run_service
from services.serving.server import Service

SWITCH_SECONDS = 0.0005
"""For how long a busy thread may keep Python's lock; the default of 5 ms would show as jitter of the face."""


def _make_service(settings: PlayerSettings) -> Service:
    from services.player.server import PlayerService  # here, as `--help` needs nothing of it

    return PlayerService(settings)


def main(
    arguments: Sequence[str] | None = None,
    *,
    program: str | None = None,
    make_service: Callable[[PlayerSettings], Service] = _make_service,
) -> int:
    """Run the player with the settings of a command line; return the exit status.

    Args:
        arguments: The command line without the program; None: that of this process.
        program: What to call the program in help and errors.
        make_service: Makes the player; a simulated sound device needs another one.
    """

    def prepare_and_make(settings: PlayerSettings) -> Service:
        prepare_process()
        return make_service(settings)

    return run_service(PlayerSettings, prepare_and_make, arguments, program=program)


def prepare_process() -> None:
    """Let the player's thread run when it must, and ask the system to prefer this process where that is allowed."""
    sys.setswitchinterval(SWITCH_SECONDS)
    use_one_heap()
    prefer_process()  # all threads: whichever holds Python's lock delays the player's thread


if __name__ == "__main__":
    sys.exit(main())
