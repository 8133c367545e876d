from __future__ import annotations

import struct
import subprocess
import sys
import wave
from pathlib import Path

import numpy as np
import pytest

from services.common.errors import BadRequestError
from services.media.wav import Sound, WavWriter, read_wav, wav_bytes, write_wav

RATE = 24_000
SAMPLES = np.array([0, 1, -1, 1000, -1000, 32767, -32768], np.int16)


def file_of(code: int, channels: int, bits: int, data: bytes, *, extensible: bool = False) -> bytes:
    """A WAV file with an odd chunk before the sound, as recorders write them."""
    form = struct.pack("<HHIIHH", code, channels, RATE, RATE * channels * bits // 8, channels * bits // 8, bits)
    if extensible:
        form = struct.pack("<H", 0xFFFE) + form[2:] + struct.pack("<HHIH14x", 22, bits, 0, code)
    body = b"WAVEfmt " + struct.pack("<I", len(form)) + form + b"LIST" + struct.pack("<I", 3) + b"abc\0"
    body += b"data" + struct.pack("<I", len(data)) + data
    return b"RIFF" + struct.pack("<I", len(body)) + body


def test_what_is_written_is_read_back_and_python_reads_it_too(tmp_path: Path) -> None:
    write_wav(tmp_path / "a.wav", Sound(SAMPLES, RATE))
    sound = read_wav(tmp_path / "a.wav")
    assert sound.sample_rate == RATE
    np.testing.assert_array_equal(sound.pcm, SAMPLES)
    with wave.open(str(tmp_path / "a.wav")) as other:
        assert (other.getnchannels(), other.getsampwidth(), other.getframerate()) == (1, 2, RATE)
        assert other.readframes(100) == SAMPLES.astype("<i2").tobytes()


def test_the_header_is_the_one_that_the_table_describes() -> None:
    assert wav_bytes(Sound(np.array([1], np.int16), 8000)) == (
        b"RIFF\x26\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x80\x3e\0\0\x02\0\x10\0data\x02\0\0\0\x01\0"
    )


@pytest.mark.parametrize("extensible", [False, True])
@pytest.mark.parametrize("kind", ["8", "16", "24", "32", "f32", "f64"])
def test_every_kind_of_sample_becomes_16_bit(kind: str, extensible: bool) -> None:
    value = np.array([0.0, 0.5, -0.5, -1.0])
    bits = int(kind.removeprefix("f"))
    if kind.startswith("f"):
        data = value.astype(f"<f{bits // 8}").tobytes()
    elif kind == "8":
        data = (value * 128 + 128).astype(np.uint8).tobytes()
    else:
        whole = (value * (1 << (bits - 1))).astype(np.int64)
        data = b"".join(int(number).to_bytes(bits // 8, "little", signed=True) for number in whole)
    sound = read_wav(file_of(3 if kind.startswith("f") else 1, 1, bits, data, extensible=extensible))
    assert sound.pcm.tolist() == [0, 16384, -16384, -32768]


def test_channels_are_averaged_and_loud_floats_clipped() -> None:
    stereo = np.array([[0.5, 0.0], [1.0, -1.0], [4.0, 4.0]], "<f4")
    assert read_wav(file_of(3, 2, 32, stereo.tobytes())).pcm.tolist() == [8192, 0, 32767]


def test_a_file_that_ends_early_gives_what_is_there() -> None:
    whole = wav_bytes(Sound(SAMPLES, RATE))
    np.testing.assert_array_equal(read_wav(whole[:-3]).pcm, SAMPLES[:-2])
    unknown = whole[:40] + b"\xff\xff\xff\xff" + whole[44:]  # what a writer to a pipe puts there
    np.testing.assert_array_equal(read_wav(unknown).pcm, SAMPLES)


@pytest.mark.parametrize(
    ("data", "wanted"),
    [
        (b"", "a WAV file"),
        (b"ID3\x04 not a wav at all", "a WAV file"),
        (wav_bytes(Sound(SAMPLES, RATE))[:36], "a WAV file with sound"),
        (file_of(85, 1, 16, b"\0\0"), "PCM of 8, 16, 24 or 32 bit"),
        (file_of(1, 0, 16, b"\0\0"), "channels and a rate of 1 or more"),
        (file_of(3, 1, 32, struct.pack("<f", float("nan"))), "finite samples"),
    ],
)
def test_what_is_no_wav_is_refused_with_a_reason(data: bytes, wanted: str) -> None:
    with pytest.raises(BadRequestError, match=wanted):
        read_wav(data)


def test_a_missing_and_a_large_file_are_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(BadRequestError, match=r"nowhere\.wav"):
        read_wav(tmp_path / "nowhere.wav")
    write_wav(tmp_path / "long.wav", Sound(SAMPLES, RATE))
    with pytest.raises(BadRequestError, match="at most 50 bytes"):
        read_wav(tmp_path / "long.wav", max_bytes=50)


def test_a_file_is_whole_after_every_write(tmp_path: Path) -> None:
    path = tmp_path / "growing.wav"
    with WavWriter(path, RATE) as writer:
        assert len(read_wav(path).pcm) == 0
        for count in (1, 2, 3):
            writer.write(SAMPLES)
            np.testing.assert_array_equal(read_wav(path).pcm, np.tile(SAMPLES, count))
    assert writer.sample_count == 3 * len(SAMPLES)


def test_a_writer_that_dies_leaves_a_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "dead.wav"
    program = (
        "import os, sys, pathlib, numpy as np; from services.media.wav import WavWriter;"
        "w = WavWriter(pathlib.Path(sys.argv[1]), 16000); w.write(np.ones(1600, np.int16)); os._exit(9)"
    )
    assert subprocess.run([sys.executable, "-c", program, str(path)], timeout=30, check=False).returncode == 9
    assert read_wav(path).seconds == 0.1
