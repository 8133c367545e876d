"""Run the speech service: `python -m services.tts`; `--help` lists its settings."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from services.serving.process import run_service
from services.serving.server import Service
from services.tts.settings import SpeechSettings


def main(arguments: Sequence[str] | None = None, *, program: str | None = None) -> int:
    """Run the service with the settings of a command line; return the exit status."""
    return run_service(SpeechSettings, _make_service, arguments, program=program)


def _make_service(settings: SpeechSettings) -> Service:
    from services.tts.server import SpeechService  # here, as `--help` needs nothing of it

    return SpeechService(settings)


if __name__ == "__main__":
    sys.exit(main())
