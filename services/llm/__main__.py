"""Run the language model service: `python -m services.llm`."""

from services.llm.server import LanguageModelService
from services.llm.settings import LanguageModelSettings
from services.serving.server import main

if __name__ == "__main__":
    raise SystemExit(main(LanguageModelSettings, LanguageModelService))
