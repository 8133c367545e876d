"""Run the face service: `python -m services.face`."""

from __future__ import annotations

import sys

from services.face.server import FaceService
from services.face.settings import FaceSettings
from services.serving.server import main

if __name__ == "__main__":
    sys.exit(main(FaceSettings, FaceService))
