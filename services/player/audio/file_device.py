"""What would be heard, into a WAV file, in real time; a file whose player died holds all that came before."""

from __future__ import annotations

import logging
import queue
import threading
from pathlib import Path

import numpy as np

from services.common.errors import BadRequestError, UnavailableError
from services.common.types import Pcm
from services.media.wav_writer import WavWriter
from services.player.audio.output_device import NoOutput
from services.player.audio.ring_buffer import Tape

logger = logging.getLogger(__name__)

BLOCK_SECONDS = 0.1  # of sound written at a time; longer loses more with a crash, shorter writes more often
MAX_BLOCKS = 100  # that wait for a slow disk, 10 s; what does not fit is lost, and silent in the file
CLOSE_SECONDS = 2.0  # that the end waits for the disk


class FileOutput(NoOutput):
    """A monotonic clock paces the player; a thread writes what it has rendered."""

    kind = "file"

    def __init__(self, path: Path, sample_rate: int, *, origin: float, volume: float = 1.0) -> None:
        """Create `path`; sample 0 is heard at monotonic time `origin`, `volume` times as loud.

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
        self._tape: Tape | None = None
        self._taken = self._written = 0
        self._blocks: queue.Queue[tuple[int, Pcm] | None] = queue.Queue(maxsize=MAX_BLOCKS)
        self._thread = threading.Thread(target=self._write, name="sound file", daemon=True)
        self._thread.start()

    def start(self, tape: Tape) -> None:
        """Write what comes onto `tape`."""
        self._tape = tape

    def update(self, now: float) -> int:
        """Hand whole blocks that have been heard to the writer; return how many samples have been taken."""
        self._taken = super().update(now)
        while self._tape is not None and self._taken - self._written >= self._block:
            self._hand_over(self._block)
        return self._taken

    def close(self) -> None:
        """Write what is left, waiting for at most `CLOSE_SECONDS`."""
        self._hand_over(self._taken - self._written)
        try:
            self._blocks.put(None, timeout=CLOSE_SECONDS)
        except queue.Full:
            logger.warning("the disk is too slow; the end of the sound is lost path=%s", self.name)
        self._thread.join(CLOSE_SECONDS)

    def _hand_over(self, count: int) -> None:
        if self._tape is None:
            return
        try:
            self._blocks.put_nowait((self._written, self._tape.read(self._written, count)))
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
                    logger.warning("sound is written no further path=%s reason=%s", self.name, error)
                    break
            while block is not None:  # read on, so that nobody waits for the queue
                block = self._blocks.get()
