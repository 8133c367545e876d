"""Decoding of clips; formats, sizes and damage are tested through the service."""

from __future__ import annotations

import pytest

from services.common.errors import BadRequestError
from services.face.sound_clip import clip_from_file


@pytest.mark.parametrize("data", [b"\x01\x02" * 500, b"RIFF\0\0\0\0WAVE", b"fLaC" + bytes(100)])
def test_bytes_that_are_no_sound_are_refused_and_not_animated_as_noise(data: bytes) -> None:
    with pytest.raises(BadRequestError, match="file: expected a WAV, FLAC, OGG or MP3 file, got"):
        clip_from_file(data, 600)


def test_an_empty_file_is_refused() -> None:
    with pytest.raises(BadRequestError, match="file: expected 1 to 4194304 bytes, got '0 bytes'"):
        clip_from_file(b"", 600)
