"""Face frames in files, by the suffix of the name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from services.common.errors import BadRequestError
from services.media.curves import CURVE_NAMES
from services.media.formats.frame_files import SUFFIXES, read_frames, write_frames
from tests.media.example_frames import some_frames


@pytest.mark.parametrize("emotions", [False, True])
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_frames_survive_every_format(tmp_path: Path, suffix: str, emotions: bool) -> None:
    frames = some_frames(emotions=emotions)
    write_frames(tmp_path / f"frames{suffix}", frames)
    back = read_frames(tmp_path / f"frames{suffix}")
    np.testing.assert_allclose(back.weights, frames.weights, atol=1e-6)
    assert back.rate == 60
    assert (back.emotions is None) == (frames.emotions is None)
    if back.emotions is not None and frames.emotions is not None:
        np.testing.assert_allclose(back.emotions, frames.emotions, atol=1e-7)
    assert [path.name for path in tmp_path.iterdir()] == [f"frames{suffix}"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", b""),
        ("a.csv", b"\xff\xfe\x00"),
        ("a.csv", b"x" * 100_000),
        ("a.json", b"{"),
        ("a.json", b"[]"),
        ("a.json", b'{"curve_names": ["JawOpen"], "weights": [[1]]}'),
        ("a.npz", b"PK\x03\x04 cut"),
        ("a.npz", b""),
    ],
)
def test_files_of_other_content_are_refused(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(BadRequestError, match=name):
        read_frames(tmp_path / name)


def test_pickles_in_a_numpy_file_are_refused(tmp_path: Path) -> None:
    objects = np.array([{"not": "an array"}], dtype=object)
    np.savez(tmp_path / "a.npz", weights=objects, curve_names=np.array(CURVE_NAMES))
    with pytest.raises(BadRequestError, match=r"a\.npz"):
        read_frames(tmp_path / "a.npz")


def test_other_suffixes_and_missing_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadRequestError, match=r"\.csv, \.npz or \.json"):
        write_frames(tmp_path / "frames.txt", some_frames())
    for suffix in SUFFIXES:
        with pytest.raises(BadRequestError, match="nothing"):
            read_frames(tmp_path / f"nothing{suffix}")
