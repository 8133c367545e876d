"""Run the face service: `python -m services.face`; `--help` lists its settings."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from services.face.settings import FaceSettings
from services.serving.process import run_service
from services.serving.server import Service


def main(arguments: Sequence[str] | None = None, *, program: str | None = None) -> int:
    """Run the service with the settings of a command line; return the exit status."""
    return run_service(FaceSettings, _make_service, arguments, program=program)


def _make_service(settings: FaceSettings) -> Service:
    from services.face.server import FaceService  # here, as `--help` needs nothing of it

    return FaceService(settings)


if __name__ == "__main__":
    sys.exit(main())
