"""Reconnects to a lost sound device, on a thread of its own: opening a device takes a second, and may hang."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence

from services.common.errors import UnavailableError
from services.player.audio.output_device import ReopenedDevice

logger = logging.getLogger(__name__)

PAUSES = (0.5, 1.0, 2.0)  # seconds before attempt 1, 2, ...; the last one repeats: people plug in late
LATE_PAUSES = (5.0, 30.0)  # the same, for a device that was never there: it may never be


class Reconnector:
    """Tries to open a device until it succeeds, one attempt at a time."""

    def __init__(self, reopen: Callable[[], ReopenedDevice], pauses: Sequence[float] = PAUSES) -> None:
        """Start the attempts.

        Args:
            reopen: Returns the device, running and silent, or raises `UnavailableError`.
            pauses: Seconds before attempt 1, 2, ...; the last one repeats.
        """
        self._reopen = reopen
        self._pauses = pauses
        self._ending = threading.Event()
        self._lock = threading.Lock()
        self._device: ReopenedDevice | None = None
        self._thread = threading.Thread(target=self._reconnect, name="reconnect sound device", daemon=True)
        self._thread.start()

    def take(self) -> ReopenedDevice | None:
        """Return the device, once, when it is back; None until then. Never waits."""
        if self._device is None:
            return None
        device, self._device = self._device, None
        return device

    def close(self) -> None:
        """End the attempts; a device that one still opens is closed."""
        with self._lock:
            self._ending.set()
            if self._device is not None:
                self._device.close()

    def _reconnect(self) -> None:
        attempt = 0
        while not self._ending.wait(self._pauses[min(attempt, len(self._pauses) - 1)]):
            attempt += 1
            try:
                device = self._reopen()
            except UnavailableError as error:
                logger.debug("sound device not back attempt=%d reason=%s", attempt, error)
                continue
            with self._lock:
                if self._ending.is_set():
                    device.close()
                else:
                    self._device = device
            return
