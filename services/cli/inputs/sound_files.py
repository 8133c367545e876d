"""The bytes of a sound file to PCM16 mono: WAV here, other formats through `soundfile` where it is installed."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from services.common.errors import BadRequestError, UnavailableError
from services.media.wav import MAX_BYTES, Sound, read_wav

if TYPE_CHECKING:
    import soundfile


def decode_sound(data: bytes, name: str) -> Sound:
    """Return the sound of a WAV, FLAC, OGG or MP3 file; several channels are averaged.

    Args:
        data: The file.
        name: What to call it in errors.

    Raises:
        BadRequestError: It is no such file, damaged, empty or too long.
        UnavailableError: It is no WAV file, and nothing here decodes others.
    """
    sound = read_wav(data) if data[:4] == b"RIFF" else _decode_other(data, name)
    if not len(sound.pcm):
        raise BadRequestError(name, "0 samples", "a file with sound")
    return sound


def read_sound(path: Path) -> Sound:
    """Read a sound file; see `decode_sound`.

    Raises:
        BadRequestError: There is no such file, or it is wrong or too large.
        UnavailableError: It is no WAV file, and nothing here decodes others.
    """
    if path.suffix.lower() == ".wav":
        return read_wav(path)
    try:
        if (size := path.stat().st_size) > MAX_BYTES:
            raise BadRequestError(str(path), f"{size} bytes", f"at most {MAX_BYTES} bytes")
        return decode_sound(path.read_bytes(), str(path))
    except OSError as error:
        raise BadRequestError(str(path), error.strerror, "a WAV, FLAC, OGG or MP3 file") from error


def _decode_other(data: bytes, name: str) -> Sound:
    try:
        import soundfile
    except (ImportError, OSError) as error:  # OSError: the package is there, its library is not
        raise UnavailableError(
            f"{name}: only WAV can be decoded here ({error}); "
            f'pip install "neurosync[face]" adds FLAC, OGG and MP3, or convert it: ffmpeg -i {name} sound.wav'
        ) from error
    try:
        with soundfile.SoundFile(io.BytesIO(data)) as file:
            return _read(file, name)
    except (soundfile.LibsndfileError, TypeError, ValueError) as error:
        raise BadRequestError(name, data[:12], "a WAV, FLAC, OGG or MP3 file") from error


def _read(file: soundfile.SoundFile, name: str) -> Sound:
    """Read an open file in blocks of a second, so that several channels never lie in memory whole."""
    if file.frames * 2 > MAX_BYTES:
        wanted = f"at most {MAX_BYTES // 2 / file.samplerate:.0f} s"
        raise BadRequestError(name, f"{file.frames / file.samplerate:.0f} s of sound", wanted)
    blocks = [np.zeros(0, np.int16)]
    for block in file.blocks(blocksize=file.samplerate, dtype="float32", always_2d=True):  # (n, channels)
        mono = np.nan_to_num(block, posinf=1.0, neginf=-1.0).mean(axis=1, dtype=np.float64)  # (n,)
        blocks.append(np.clip(np.rint(mono * 32768.0), -32768, 32767).astype(np.int16))
    return Sound(np.concatenate(blocks), file.samplerate)
