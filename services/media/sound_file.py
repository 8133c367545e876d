"""Sound files, or their bytes, to mono PCM16; libsndfile (`soundfile`) decodes them."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from services.common.errors import BadRequestError, UnavailableError
from services.common.types import Pcm
from services.media.sound import MAX_SOUND_BYTES, Sound

if TYPE_CHECKING:
    import soundfile

KINDS = "a WAV, FLAC, OGG or MP3 file"
_BLOCK_VALUES = 1 << 18  # of all channels, decoded at a time: 2 MB, so that many channels never lie in memory whole
_EXTENSIBLE = b"\xfe\xff"  # WAVE_FORMAT_EXTENSIBLE: the real format is 24 bytes further on
_FORMAT = struct.Struct("<HHIIHH")


def read_sound(path: Path, *, max_bytes: int = MAX_SOUND_BYTES, may_be_empty: bool = False) -> Sound:
    """Read a sound file; see `decode_sound`.

    Raises:
        BadRequestError: There is no such file, or `decode_sound` refuses it.
        UnavailableError: libsndfile is missing.
    """
    try:
        if (size := path.stat().st_size) > max_bytes:
            raise BadRequestError(str(path), f"{size} bytes", f"at most {max_bytes} bytes")
        data = path.read_bytes()
    except OSError as error:
        raise BadRequestError(str(path), error.strerror, KINDS) from error
    return decode_sound(data, str(path), max_bytes=max_bytes, may_be_empty=may_be_empty)


def decode_sound(
    data: bytes, name: str = "sound", *, max_bytes: int = MAX_SOUND_BYTES, may_be_empty: bool = False
) -> Sound:
    """Return the sound of a file; channels are averaged, and floats beyond -1 to 1 are clipped.

    A WAV file whose header has no size of the sound, or a larger one than the file, gives all samples up to its end.

    Args:
        data: The whole file; its content decides the format, not its name.
        name: Name of the file in errors.
        max_bytes: Largest file to take, and most bytes of decoded samples.
        may_be_empty: Whether a file without a sample is accepted.

    Raises:
        BadRequestError: It is no sound file, or it is damaged, empty or too large.
        UnavailableError: libsndfile is missing.
    """
    if len(data) > max_bytes:
        raise BadRequestError(name, f"{len(data)} bytes", f"at most {max_bytes} bytes")
    library = _library(name)
    try:
        file = library.SoundFile(io.BytesIO(_repaired(data)))
    except (library.LibsndfileError, TypeError, ValueError) as error:
        raise _refusal(data, name, str(getattr(error, "error_string", error))) from error
    with file:
        if file.frames * 2 > max_bytes:
            wanted = f"at most {max_bytes // 2 / file.samplerate:.0f} s"
            raise BadRequestError(name, f"{file.frames / file.samplerate:.0f} s of sound", wanted)
        try:
            pcm = np.concatenate([np.zeros(0, np.int16), *_blocks(file, name)])
        except library.LibsndfileError as error:
            raise BadRequestError(name, str(error), "sound that can be decoded to its end") from error
        if not len(pcm) and not may_be_empty:
            raise BadRequestError(name, "0 samples", "a file with sound")
        return Sound(pcm, file.samplerate)


def _library(name: str) -> soundfile:
    """Import `soundfile`, which takes 20 ms and 4 MB, when the first sound is read."""
    try:
        import soundfile
    except (ImportError, OSError) as error:  # OSError: the package is there, its library is not
        raise UnavailableError(
            f"{name}: sound files cannot be read, as libsndfile is missing ({error}); "
            "`apt install libsndfile1` or `brew install libsndfile` adds it"
        ) from error
    return soundfile


def _blocks(file: soundfile.SoundFile, name: str) -> Iterator[Pcm]:
    """Yield an open file's samples in blocks, mono."""
    size = max(1, _BLOCK_VALUES // file.channels)
    for block in file.blocks(blocksize=size, dtype="float64", always_2d=True):  # (n, channels)
        mono = block.mean(axis=1) * 32768.0  # (n,)
        if not np.isfinite(mono).all():
            raise BadRequestError(name, "a sample that is not finite", "finite samples")
        yield np.clip(np.rint(mono), -32768, 32767).astype(np.int16)


def _repaired(data: bytes) -> bytes:
    """Return the bytes of a sound file in a form that libsndfile reads; other formats than WAV as they are.

    A program that writes to a pipe leaves the size of the sound at 0 or 2^32 - 1; a copy that was cut short has less
    than its header counts. Chunks after the sound are dropped, as libsndfile refuses a file for a damaged one. An
    extensible format is replaced by the format it stands for.
    """
    chunks = _chunks(data)
    if b"data" not in chunks:
        return data
    start, size = chunks[b"data"]
    rest = len(data) - start
    if size > rest or (size == 0 < rest and not _is_chunk(data, start)):
        size = min(rest, 0xFFFFFFFF)
    repaired = bytearray(data[: start + size])
    struct.pack_into("<I", repaired, start - 4, size)
    form, form_size = chunks.get(b"fmt ", (0, 0))
    if form_size >= 26 and data[form : form + 2] == _EXTENSIBLE:
        repaired[form : form + 2] = data[form + 24 : form + 26]
    return bytes(repaired)


def _refusal(data: bytes, name: str, reason: str) -> BadRequestError:
    """Return the error for bytes that libsndfile does not open, for a `reason` of its own."""
    chunks = _chunks(data)
    if data[:4] != b"RIFF":
        return BadRequestError(name, data[:12], KINDS)
    if b"data" not in chunks or b"fmt " not in chunks:
        missing = "data" if b"data" not in chunks else "fmt"
        return BadRequestError(name, f"no {missing} chunk", "a WAV file with sound")
    body = data[chunks[b"fmt "][0] :][: _FORMAT.size]
    if len(body) < _FORMAT.size:
        return BadRequestError(name, f"a fmt chunk of {len(body)} bytes", f"at least {_FORMAT.size} bytes")
    code, channels, rate, _, block, bits = _FORMAT.unpack(body)
    if channels < 1 or rate < 1:
        seen = f"{channels} channels at {rate} Hz, {block} bytes a sample"
        return BadRequestError(name, seen, "channels and a rate of 1 or more")
    wanted = "PCM of 8, 16, 24 or 32 bit, float of 32 or 64 bit, mu-law, A-law or ADPCM"
    return BadRequestError(name, f"format {code}, {bits} bit: {reason}", wanted)


def _chunks(data: bytes) -> dict[bytes, tuple[int, int]]:
    """Return the start and the stated size of each chunk of a WAV file, up to its sound; none of other files."""
    found: dict[bytes, tuple[int, int]] = {}
    if data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        return found
    at = 12
    while at + 8 <= len(data) and b"data" not in found:
        kind, size = struct.unpack_from("<4sI", data, at)
        found.setdefault(kind, (at + 8, size))
        at += 8 + size + size % 2  # chunks start at even offsets
    return found


def _is_chunk(data: bytes, at: int) -> bool:
    """Return whether a whole chunk begins at `at`: a printable name, and a size that fits."""
    if at + 8 > len(data):
        return False
    kind, size = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
    return kind.isascii() and kind.decode("ascii").isprintable() and size <= len(data) - at - 8
