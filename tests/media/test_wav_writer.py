"""Writing of WAV files, whole or bit by bit."""

from __future__ import annotations

import subprocess
import sys
import wave
from pathlib import Path

import numpy as np
import pytest

from services.common.errors import BadRequestError
from services.media import wav_writer
from services.media.sound import Sound
from services.media.sound_file import read_sound
from services.media.wav_writer import WavWriter, wav_bytes, write_wav

RATE = 24_000
SAMPLES = np.array([0, 1, -1, 1000, -1000, 32767, -32768], np.int16)


def test_a_written_file_is_read_back_here_and_by_python(tmp_path: Path) -> None:
    write_wav(tmp_path / "a.wav", Sound(SAMPLES, RATE))
    sound = read_sound(tmp_path / "a.wav")
    assert sound.sample_rate == RATE
    np.testing.assert_array_equal(sound.pcm, SAMPLES)
    with wave.open(str(tmp_path / "a.wav")) as other:
        assert (other.getnchannels(), other.getsampwidth(), other.getframerate()) == (1, 2, RATE)
        assert other.readframes(100) == SAMPLES.astype("<i2").tobytes()


def test_the_header_is_the_one_that_the_table_describes() -> None:
    assert wav_bytes(Sound(np.array([1], np.int16), 8000)) == (
        b"RIFF\x26\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x80\x3e\0\0\x02\0\x10\0data\x02\0\0\0\x01\0"
    )


def test_a_file_is_whole_after_every_write(tmp_path: Path) -> None:
    path = tmp_path / "growing.wav"
    with WavWriter(path, RATE) as writer:
        assert len(read_sound(path, may_be_empty=True).pcm) == 0
        for count in (1, 2, 3):
            writer.write(SAMPLES)
            np.testing.assert_array_equal(read_sound(path).pcm, np.tile(SAMPLES, count))
    assert writer.sample_count == 3 * len(SAMPLES)


def test_a_writer_that_dies_leaves_a_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "dead.wav"
    program = (
        "import os, sys, pathlib, numpy as np; from services.media.wav_writer import WavWriter;"
        "w = WavWriter(pathlib.Path(sys.argv[1]), 16000); w.write(np.ones(1600, np.int16)); os._exit(9)"
    )
    assert subprocess.run([sys.executable, "-c", program, str(path)], timeout=30, check=False).returncode == 9
    assert read_sound(path).seconds == 0.1


def test_a_file_beyond_the_size_limit_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wav_writer, "MAX_SOUND_BYTES", 44 + 2 * len(SAMPLES))
    with WavWriter(tmp_path / "full.wav", RATE) as writer:
        writer.write(SAMPLES)
        with pytest.raises(BadRequestError, match="at most 14 bytes in one file"):
            writer.write(SAMPLES[:1])
    np.testing.assert_array_equal(read_sound(tmp_path / "full.wav").pcm, SAMPLES)
