"""Sound files and their bytes, decoded to mono PCM16."""

from __future__ import annotations

import io
import struct
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from services.common.errors import BadRequestError, UnavailableError
from services.media.sound import Sound
from services.media.sound_file import decode_sound, read_sound
from services.media.wav_writer import wav_bytes, write_wav

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
    sound = decode_sound(file_of(3 if kind.startswith("f") else 1, 1, bits, data, extensible=extensible))
    assert sound.pcm.tolist() == [0, 16384, -16384, -32768]


def test_channels_are_averaged_and_loud_floats_clipped() -> None:
    stereo = np.array([[0.5, 0.0], [1.0, -1.0], [4.0, 4.0]], "<f4")
    assert decode_sound(file_of(3, 2, 32, stereo.tobytes())).pcm.tolist() == [8192, 0, 32767]


def test_a_file_that_ends_early_gives_what_is_there() -> None:
    whole = wav_bytes(Sound(SAMPLES, RATE))
    np.testing.assert_array_equal(decode_sound(whole[:-3]).pcm, SAMPLES[:-2])
    unknown = whole[:40] + b"\xff\xff\xff\xff" + whole[44:]  # as a program that writes to a pipe leaves it
    np.testing.assert_array_equal(decode_sound(unknown).pcm, SAMPLES)


@pytest.mark.parametrize(
    ("data", "wanted"),
    [
        (b"", "a WAV, FLAC, OGG or MP3 file"),
        (b"ID3\x04 not a wav at all", "a WAV, FLAC, OGG or MP3 file"),
        (wav_bytes(Sound(SAMPLES, RATE))[:36], "a WAV file with sound"),
        (file_of(85, 1, 16, b"\0\0"), "PCM of 8, 16, 24 or 32 bit"),
        (file_of(1, 0, 16, b"\0\0"), "channels and a rate of 1 or more"),
        (file_of(3, 1, 32, struct.pack("<f", float("nan"))), "finite samples"),
    ],
)
def test_files_without_sound_are_refused_with_a_reason(data: bytes, wanted: str) -> None:
    with pytest.raises(BadRequestError, match=wanted):
        decode_sound(data)


def test_a_missing_and_a_large_file_are_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(BadRequestError, match=r"nowhere\.wav"):
        read_sound(tmp_path / "nowhere.wav")
    write_wav(tmp_path / "long.wav", Sound(SAMPLES, RATE))
    with pytest.raises(BadRequestError, match="at most 50 bytes"):
        read_sound(tmp_path / "long.wav", max_bytes=50)


def test_other_formats_decode_to_the_sound_that_was_encoded() -> None:
    sound = Sound((8000 * np.sin(np.arange(round(1.3 * RATE)) / 20)).astype(np.int16), RATE)
    stereo = np.stack([sound.pcm, sound.pcm], axis=1)
    flac, ogg = io.BytesIO(), io.BytesIO()
    soundfile.write(flac, stereo, RATE, format="FLAC")
    soundfile.write(ogg, stereo, RATE, format="OGG")
    decoded = decode_sound(flac.getvalue(), "voice.flac")
    np.testing.assert_array_equal(decoded.pcm, sound.pcm)
    assert decoded.sample_rate == RATE
    lossy = decode_sound(ogg.getvalue(), "voice.ogg")
    assert len(lossy.pcm) == len(sound.pcm)
    assert np.corrcoef(lossy.pcm.astype(float), sound.pcm.astype(float))[0, 1] > 0.9


def test_without_libsndfile_the_error_names_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "soundfile", None)
    with pytest.raises(UnavailableError, match=r"voice\.mp3: .* `apt install libsndfile1`"):
        decode_sound(b"ID3\x04rest", "voice.mp3")


def test_a_file_without_a_single_sample_is_refused() -> None:
    with pytest.raises(BadRequestError, match=r"empty\.wav: expected a file with sound, got '0 samples'"):
        decode_sound(wav_bytes(Sound(np.zeros(0, np.int16), RATE)), "empty.wav")


def test_a_stream_whose_header_counts_no_samples_gives_all_there_are() -> None:
    whole = wav_bytes(Sound(SAMPLES, RATE))
    streamed = whole[:4] + b"\0\0\0\0" + whole[8:40] + b"\0\0\0\0" + whole[44:]
    np.testing.assert_array_equal(decode_sound(streamed).pcm, SAMPLES)
    listed = wav_bytes(Sound(SAMPLES[:0], RATE)) + b"LIST\x04\0\0\0abcd"  # no sound, and a chunk after it
    assert len(decode_sound(listed, may_be_empty=True).pcm) == 0


def test_damage_after_the_sound_does_no_harm() -> None:
    whole = wav_bytes(Sound(SAMPLES, RATE))
    np.testing.assert_array_equal(decode_sound(whole + whole[:50]).pcm, SAMPLES)


def test_the_content_decides_the_format_and_not_the_name(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "voice.wav", SAMPLES, RATE, format="FLAC")
    np.testing.assert_array_equal(read_sound(tmp_path / "voice.wav").pcm, SAMPLES)


def test_sound_that_unpacks_to_more_than_the_limit_is_refused() -> None:
    flac = io.BytesIO()
    soundfile.write(flac, np.zeros(100_000, np.int16), RATE, format="FLAC")
    with pytest.raises(BadRequestError, match=r"quiet\.flac: expected at most 2 s, got '4 s of sound'"):
        decode_sound(flac.getvalue(), "quiet.flac", max_bytes=100_000)
