"""Run the orchestrator: `python -m services.orchestrator`."""

from services.orchestrator.server import OrchestratorService
from services.orchestrator.settings import OrchestratorSettings
from services.serving.server import main

if __name__ == "__main__":
    raise SystemExit(main(OrchestratorSettings, OrchestratorService))
