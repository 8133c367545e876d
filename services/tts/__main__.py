"""Run the speech service: `python -m services.tts`."""

from __future__ import annotations

from services.serving.server import main
from services.tts.server import SpeechService
from services.tts.settings import SpeechSettings

if __name__ == "__main__":
    raise SystemExit(main(SpeechSettings, SpeechService))
