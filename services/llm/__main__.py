"""Run the language model service: `python -m services.llm`; `--help` lists its settings."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from services.llm.settings import LanguageModelSettings
from services.serving.process import run_service
from services.serving.server import Service


def main(arguments: Sequence[str] | None = None, *, program: str | None = None) -> int:
    """Run the service with the settings of a command line; return the exit status."""
    return run_service(LanguageModelSettings, _make_service, arguments, program=program)


def _make_service(settings: LanguageModelSettings) -> Service:
    from services.llm.server import LanguageModelService  # here, as `--help` needs nothing of it

    return LanguageModelService(settings)


if __name__ == "__main__":
    sys.exit(main())
