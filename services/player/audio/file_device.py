"""An output device that writes what would be heard into a WAV file, in real time.

The file is valid after each block, so it is whole up to the moment at which a player crashes.
"""

from __future__ import annotations

import logging
import queue
import threading
from pathlib import Path

import numpy as np

from services.common.errors import BadRequestError, UnavailableError
from services.common.types import Pcm
from services.media.wav_writer import WavWriter
from services.player.audio.null_device import NullDevice
from services.player.audio.ring_buffer import RingBuffer

logger = logging.getLogger(__name__)

BLOCK_SECONDS = 0.1  # of sound written at a time; longer loses more with a crash, shorter writes more often
MAX_BLOCKS = 100  # that wait for a slow disk, 10 s; what does not fit is lost, and silent in the file
CLOSE_SECONDS = 2.0  # that the end waits for the disk


class FileDevice(NullDevice):
    """A WAV file in place of a sound device: the system's clock paces the player, and a thread writes the file."""

    kind = "file"

    def __init__(self, path: Path, sample_rate: int, *, origin: float, volume: float = 1.0) -> None:
        """Create `path` for sound that is multiplied by `volume`; sample 0 is heard at monotonic time `origin`.

        Raises:
            UnavailableError: The file cannot be written.
        """
        super().__init__(sample_rate, origin=origin)
        self.name = str(path)
        self.underrun_count = 0
        try:
            self._writer = WavWriter(path, sample_rate)
        except OSError as error:
            raise UnavailableError(f"output: cannot write {path}: {error.strerror}") from error
        self._block = round(BLOCK_SECONDS * sample_rate)
        self._volume = volume
        self._buffer: RingBuffer | None = None
        self._taken = self._written = 0
        self._blocks: queue.Queue[tuple[int, Pcm] | None] = queue.Queue(maxsize=MAX_BLOCKS)
        self._thread = threading.Thread(target=self._write, name="sound file", daemon=True)
        self._thread.start()

    def start(self, buffer: RingBuffer) -> None:
        """Write the sound of `buffer`."""
        self._buffer = buffer

    def update(self, now: float) -> int:
        """Queue whole blocks that have been heard for the writer; return how many samples have been taken."""
        self._taken = super().update(now)
        while self._buffer is not None and self._taken - self._written >= self._block:
            self._enqueue(self._block)
        return self._taken

    def close(self) -> None:
        """Write what is left, and wait for at most `CLOSE_SECONDS`."""
        self._enqueue(self._taken - self._written)
        try:
            self._blocks.put(None, timeout=CLOSE_SECONDS)
        except queue.Full:
            logger.warning("the disk is too slow; the file lacks the last seconds path=%s", self.name)
        self._thread.join(CLOSE_SECONDS)

    def _enqueue(self, count: int) -> None:
        if self._buffer is None:
            return
        try:
            self._blocks.put_nowait((self._written, self._buffer.read(self._written, count)))
        except queue.Full:
            self.underrun_count += 1
        self._written += count

    def _write(self) -> None:
        with self._writer as writer:
            while (block := self._blocks.get()) is not None:
                at, pcm = block
                lost = np.zeros(at - writer.sample_count, np.int16)  # what did not fit the queue
                sound = np.concatenate((lost, pcm))
                if self._volume != 1:
                    sound = np.clip(np.rint(sound * np.float32(self._volume)), -32768, 32767).astype(np.int16)
                try:
                    writer.write(sound)
                except (OSError, BadRequestError) as error:  # the disk, or the file, is full; the face goes on
                    logger.warning(
                        "sound file ends here: cannot write path=%s reason=%s",
                        self.name,
                        error,
                    )
                    break
            while block is not None:  # empty the queue, so that `update` and `close` never block
                block = self._blocks.get()
