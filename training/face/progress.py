"""Logging set-up of the training's processes."""

from __future__ import annotations

import logging


def log_progress() -> None:
    """Print this process's log messages, with the time of day."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
