"""How stages of the training say how far they are."""

from __future__ import annotations

import logging


def tell_progress() -> None:
    """Print what this process logs, with the time of day."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
