"""Decodes the audio of an AnimateClip request, bare PCM or a file, into blocks of mono PCM16, one block at a time."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import soundfile

from services.common.errors import BadRequestError
from services.common.types import Pcm

MAX_BYTES = 4 * 1024 * 1024
"""Of a clip; what gRPC accepts by default."""
BLOCK_SECONDS = 1.0
"""Audio decoded at a time: four compressed megabytes are never in memory decompressed."""
MAX_CHANNELS = 16
"""Of a clip. OGG allows 255, and four kilobytes of it then decompress to 200 MB a second."""


@dataclass(frozen=True)
class Clip:
    """Audio whose blocks are decoded as they are read."""

    rate: int
    """Hertz."""
    blocks: Iterator[Pcm]
    """The samples in order, mono, about a second each; may raise `BadRequestError` where the bytes are damaged."""


def clip_from_pcm(data: bytes, rate: int) -> Clip:
    """Return bare PCM16 little endian mono as a clip.

    Raises:
        BadRequestError: There are no bytes, too many, or an odd number of them.
    """
    _check_size("pcm", data)
    if len(data) % 2:
        raise BadRequestError("pcm", f"{len(data)} bytes", "an even number of bytes (PCM16)")
    pcm = np.frombuffer(data, "<i2")
    step = max(1, round(BLOCK_SECONDS * rate))
    return Clip(rate, (pcm[start : start + step] for start in range(0, len(pcm), step)))


def clip_from_file(data: bytes, longest: float) -> Clip:
    """Return the bytes of a WAV, FLAC, OGG or MP3 file as a clip; several channels are averaged.

    Args:
        data: the file. Bytes of no known format are refused, never read as bare PCM: that would animate noise.
        longest: seconds of audio allowed.

    Raises:
        BadRequestError: It is no such file, too large, has too many channels, or is too long.
    """
    _check_size("file", data)
    try:
        file = soundfile.SoundFile(io.BytesIO(data))
    except (soundfile.LibsndfileError, TypeError, ValueError) as error:
        raise BadRequestError("file", data[:12], "a WAV, FLAC, OGG or MP3 file") from error
    if file.channels > MAX_CHANNELS:
        channels = file.channels
        file.close()
        raise BadRequestError("file", f"{channels} channels", f"at most {MAX_CHANNELS} channels")
    if not 0 < file.frames <= longest * file.samplerate:
        seconds = f"{file.frames / file.samplerate:.1f} s"
        file.close()
        raise BadRequestError(
            "file", seconds, f"more than 0 and at most {longest:g} s of sound (longer goes through Animate)"
        )
    return Clip(file.samplerate, _decoded(file))


def _check_size(field: str, data: bytes) -> None:
    if not 0 < len(data) <= MAX_BYTES:
        raise BadRequestError(field, f"{len(data)} bytes", f"1 to {MAX_BYTES} bytes")


def _decoded(file: soundfile.SoundFile) -> Iterator[Pcm]:
    with file:
        left = file.frames
        while left > 0:
            try:
                block = file.read(min(left, round(BLOCK_SECONDS * file.samplerate)), "float32", always_2d=True)
            except soundfile.LibsndfileError as error:
                raise BadRequestError("file", str(error), "sound that can be decoded to its end") from error
            if not len(block):  # the header promised more than there is
                return
            left -= len(block)
            finite = np.nan_to_num(block, copy=False, posinf=1.0, neginf=-1.0)
            mono = finite.mean(axis=1, dtype=np.float64)  # (n, channels) -> (n,)
            yield np.clip(np.round(mono * 32768), -32768, 32767).astype(np.int16)
