"""WAV files in, PCM16 mono out, and back; with a writer whose file is readable at every moment.

offset  size  field of the 44-byte header that this module writes (all little endian)
     0     4  "RIFF"
     4     4  uint32, bytes that follow: 36 + data
     8     8  "WAVEfmt "
    16     4  uint32, 16: size of the format
    20     2  uint16, 1: PCM (3: float; 0xFFFE: the real one stands 24 bytes further on)
    22     2  uint16, channels
    24     4  uint32, sample rate
    28     4  uint32, bytes a second
    32     2  uint16, bytes of one sample of all channels
    34     2  uint16, bits of one sample
    36     4  "data"
    40     4  uint32, bytes of sound

Source: "Multimedia Programming Interface and Data Specifications 1.0" (IBM and Microsoft, 1991) and RFC 2361.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import numpy.typing as npt

from services.common.errors import BadRequestError
from services.common.types import Pcm

MAX_BYTES = 1 << 29  # 512 MB, an hour and a half at 48 kHz mono; more is no take, and would fill the memory
HEADER_BYTES = 44
_HEADER = struct.Struct("<4sI8sIHHIIHH4sI")
_FORMAT = struct.Struct("<HHIIHH")
_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE


@dataclass(frozen=True)
class Sound:
    """A whole sound in memory."""

    pcm: Pcm
    """Samples, shape (n,)."""
    sample_rate: int
    """Hertz."""

    @property
    def seconds(self) -> float:
        """How long it lasts."""
        return len(self.pcm) / self.sample_rate


@dataclass(frozen=True)
class _Format:
    """What the format chunk says."""

    code: int
    channels: int
    sample_rate: int
    bits: int


def read_wav(source: Path | bytes, *, max_bytes: int = MAX_BYTES) -> Sound:
    """Read a WAV file: 8, 16, 24 or 32 bit integers or 32 or 64 bit floats, any number of channels.

    Channels are averaged; floats beyond -1 to 1 are clipped. A file that ends early, as its writer died, gives what is
    there.

    Args:
        source: The file, or its bytes.
        max_bytes: Largest file to take, in bytes.

    Raises:
        BadRequestError: There is no such file, it is too large, or it is not a WAV file of these kinds.
    """
    name, data = _load(source, max_bytes)
    if len(data) < 12 or data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        raise BadRequestError(name, data[:12], "a WAV file (RIFF....WAVE)")
    form, sound = _chunks(name, data)
    samples = _samples(name, form, sound)  # (n, channels), float64 in the scale of int16
    mono = samples[:, 0] if form.channels == 1 else samples.mean(axis=1)
    return Sound(np.clip(np.rint(mono), -32768, 32767).astype(np.int16), form.sample_rate)


def wav_bytes(sound: Sound) -> bytes:
    """Return a sound as the bytes of a WAV file, PCM16 mono."""
    pcm = sound.pcm.astype("<i2", copy=False).tobytes()
    return _header(len(pcm), sound.sample_rate) + pcm


def write_wav(path: Path, sound: Sound) -> None:
    """Write a sound as PCM16 mono."""
    path.write_bytes(wav_bytes(sound))


class WavWriter:
    """Writes a WAV file while its sound is being made.

    After each `write` the header counts exactly what the file holds, so a file whose writer died is a whole file of
    what came before:

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
        if byte_count > MAX_BYTES - HEADER_BYTES:
            raise BadRequestError(
                "audio", f"{byte_count} bytes", f"at most {MAX_BYTES - HEADER_BYTES} bytes in one file"
            )
        self._file.write(pcm.astype("<i2", copy=False).tobytes())
        self._file.flush()  # sound first, header next: the header never promises what is not there
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


def _load(source: Path | bytes, max_bytes: int) -> tuple[str, bytes]:
    """Return what to call the source in errors, and its bytes."""
    if isinstance(source, bytes):
        name, size = "WAV", len(source)
    else:
        name = str(source)
        try:
            size = source.stat().st_size
        except OSError as error:
            raise BadRequestError(name, error.strerror, "a WAV file") from error
    if size > max_bytes:
        raise BadRequestError(name, f"{size} bytes", f"at most {max_bytes} bytes")
    if isinstance(source, bytes):
        return name, source
    try:
        return name, source.read_bytes()
    except OSError as error:
        raise BadRequestError(name, error.strerror, "a WAV file") from error


def _chunks(name: str, data: bytes) -> tuple[_Format, bytes]:
    """Return the format and the sound among the chunks of a file."""
    form: _Format | None = None
    offset = 12
    while offset + 8 <= len(data):
        kind, size = struct.unpack_from("<4sI", data, offset)
        body = data[
            offset + 8 : offset + 8 + size
        ]  # shorter where the file ends early or the size is unknown (2^32 - 1)
        if kind == b"fmt ":
            form = _format(name, body)
        elif kind == b"data":
            if form is None:
                raise BadRequestError(name, "sound before its format", "a fmt chunk before the data chunk")
            return form, body
        offset += 8 + size + size % 2  # chunks start at even offsets
    raise BadRequestError(name, "no data chunk", "a WAV file with sound")


def _format(name: str, body: bytes) -> _Format:
    if len(body) < _FORMAT.size:
        raise BadRequestError(name, f"a fmt chunk of {len(body)} bytes", f"at least {_FORMAT.size} bytes")
    code, channels, rate, _, block, bits = _FORMAT.unpack_from(body)
    if code == _EXTENSIBLE and len(body) >= 26:
        code = int.from_bytes(body[24:26], "little")
    known = (code == _PCM and bits in (8, 16, 24, 32)) or (code == _FLOAT and bits in (32, 64))
    if not known:
        raise BadRequestError(
            name, f"format {code}, {bits} bit", "PCM of 8, 16, 24 or 32 bit, or float of 32 or 64 bit"
        )
    if channels < 1 or rate < 1 or block != channels * bits // 8:
        seen = f"{channels} channels at {rate} Hz, {block} bytes a sample"
        raise BadRequestError(name, seen, "channels and a rate of 1 or more, and whole samples")
    return _Format(code, channels, rate, bits)


def _samples(name: str, form: _Format, sound: bytes) -> npt.NDArray[np.float64]:
    """Return samples of shape (n, channels) in the scale of int16; half a sample at the end is left out."""
    block = form.channels * form.bits // 8
    whole = sound[: len(sound) // block * block]
    if form.code == _FLOAT:
        values = np.frombuffer(whole, f"<f{form.bits // 8}").astype(np.float64)
        if not np.isfinite(values).all():
            raise BadRequestError(name, "a sample that is not finite", "finite samples")
        values *= 32768.0
    elif form.bits == 8:  # the one kind without a sign
        values = (np.frombuffer(whole, np.uint8).astype(np.float64) - 128.0) * 256.0
    elif form.bits == 24:
        wide = np.zeros((len(whole) // 3, 4), np.uint8)
        wide[:, 1:] = np.frombuffer(whole, np.uint8).reshape(-1, 3)
        values = wide.view("<i4")[:, 0] / 65536.0
    else:
        values = np.frombuffer(whole, f"<i{form.bits // 8}") / float(1 << (form.bits - 16))
    return values.reshape(-1, form.channels)
