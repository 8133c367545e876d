"""Run the orchestrator: `python -m services.orchestrator`; `--help` lists its settings."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from services.orchestrator.settings import OrchestratorSettings
from services.serving.process import run_service
from services.serving.server import Service


def main(arguments: Sequence[str] | None = None, *, program: str | None = None) -> int:
    """Run the service with the settings of a command line; return the exit status."""
    return run_service(OrchestratorSettings, _make_service, arguments, program=program)


def _make_service(settings: OrchestratorSettings) -> Service:
    from services.orchestrator.server import OrchestratorService  # here, as `--help` needs nothing of it

    return OrchestratorService(settings)


if __name__ == "__main__":
    sys.exit(main())
