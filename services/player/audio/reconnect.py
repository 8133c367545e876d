"""Looks for a device that was lost, on a thread of its own: opening one takes a second, and may hang."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence

from services.common.errors import UnavailableError
from services.player.audio.output_device import JoiningOutput

logger = logging.getLogger(__name__)

PAUSES = (0.5, 1.0, 2.0)  # seconds before attempt 1, 2, ...; the last goes on for ever: people plug in late
LATE_PAUSES = (5.0, 30.0)  # the same, for a device that was never there: it may never be


class Seeker:
    """Tries until it finds the device; one attempt at a time."""

    def __init__(self, opens: Callable[[], JoiningOutput], pauses: Sequence[float] = PAUSES) -> None:
        """Look by `opens`, which returns the device, running and silent, or raises `UnavailableError`."""
        self._opens = opens
        self._pauses = pauses
        self._ending = threading.Event()
        self._lock = threading.Lock()
        self._found: JoiningOutput | None = None
        self._thread = threading.Thread(target=self._seek, name="seek sound device", daemon=True)
        self._thread.start()

    def take(self) -> JoiningOutput | None:
        """Return the device, once, as soon as it is back; never waits."""
        if self._found is None:
            return None
        found, self._found = self._found, None
        return found

    def close(self) -> None:
        """End the search; what an attempt that is under way finds is closed."""
        with self._lock:
            self._ending.set()
            if self._found is not None:
                self._found.close()

    def _seek(self) -> None:
        attempt = 0
        while not self._ending.wait(self._pauses[min(attempt, len(self._pauses) - 1)]):
            attempt += 1
            try:
                found = self._opens()
            except UnavailableError as error:
                logger.debug("the sound device is not back attempt=%d reason=%s", attempt, error)
                continue
            with self._lock:
                if self._ending.is_set():
                    found.close()
                else:
                    self._found = found
            return
