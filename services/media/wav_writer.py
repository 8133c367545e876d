"""Writing of WAV files, PCM16 mono, whole or bit by bit; a file that grows is readable at every moment.

offset  size  field of the 44-byte header (all little endian)
     0     4  "RIFF"
     4     4  uint32, bytes that follow: 36 + data
     8     8  "WAVEfmt "
    16     4  uint32, 16: size of the format
    20     2  uint16, 1: PCM
    22     2  uint16, channels: 1
    24     4  uint32, sample rate
    28     4  uint32, bytes a second
    32     2  uint16, bytes of one sample of all channels: 2
    34     2  uint16, bits of one sample: 16
    36     4  "data"
    40     4  uint32, bytes of sound

Source: "Multimedia Programming Interface and Data Specifications 1.0" (IBM and Microsoft, 1991) and RFC 2361.
"""

from __future__ import annotations

import struct
from pathlib import Path
from types import TracebackType
from typing import Self

from services.common.errors import BadRequestError
from services.common.types import Pcm
from services.media.sound import MAX_SOUND_BYTES, Sound

HEADER_BYTES = 44
_HEADER = struct.Struct("<4sI8sIHHIIHH4sI")
_PCM = 1


def wav_bytes(sound: Sound) -> bytes:
    """Return a sound as the bytes of a WAV file, PCM16 mono."""
    pcm = sound.pcm.astype("<i2", copy=False).tobytes()
    return _header(len(pcm), sound.sample_rate) + pcm


def write_wav(path: Path, sound: Sound) -> None:
    """Write a sound as PCM16 mono."""
    path.write_bytes(wav_bytes(sound))


class WavWriter:
    """Writes a WAV file while its sound is being made.

    After each `write` the header counts exactly the samples in the file, so the file of a writer that died is a valid
    one with all samples up to then:

        with WavWriter(folder / "audio.wav", 24_000) as audio:
            audio.write(pcm)
    """

    def __init__(self, path: Path, sample_rate: int) -> None:
        """Create `path`, replacing what is there, for sound at `sample_rate` Hz."""
        self._file = path.open("wb")
        self._rate = sample_rate
        self.sample_count = 0
        """Samples written so far."""
        self._file.write(_header(0, sample_rate))
        self._file.flush()

    def write(self, pcm: Pcm) -> None:
        """Append samples.

        Raises:
            BadRequestError: The file would exceed what its header can count.
        """
        byte_count = 2 * (self.sample_count + len(pcm))
        if byte_count > MAX_SOUND_BYTES - HEADER_BYTES:
            raise BadRequestError(
                "audio", f"{byte_count} bytes", f"at most {MAX_SOUND_BYTES - HEADER_BYTES} bytes in one file"
            )
        self._file.write(pcm.astype("<i2", copy=False).tobytes())
        self._file.flush()  # sound first, header next: the header never counts samples that are not in the file
        self._file.seek(0)
        self._file.write(_header(byte_count, self._rate))
        self._file.flush()
        self._file.seek(0, 2)
        self.sample_count += len(pcm)

    def close(self) -> None:
        """Release the file."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _header(byte_count: int, rate: int) -> bytes:
    return _HEADER.pack(
        b"RIFF", HEADER_BYTES - 8 + byte_count, b"WAVEfmt ", 16, _PCM, 1, rate, 2 * rate, 2, 16, b"data", byte_count
    )
