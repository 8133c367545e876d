"""Lines about what a command is doing, on standard error; its results alone go to standard output."""

from __future__ import annotations

import sys


def notify(line: str) -> None:
    """Print a line to standard error."""
    sys.stderr.write(line + "\n")
    sys.stderr.flush()
