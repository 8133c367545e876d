"""Emotion strengths in files, which hold percent."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from services.media.curves import CURVE_COUNT, CURVE_NAMES
from services.media.emotions import EMOTION_NAMES
from services.media.formats.emotion_percent import from_percent, to_percent
from services.media.formats.frame_files import SUFFIXES, read_frames, write_frames
from services.media.formats.frames_csv import csv_text
from services.media.frames import Frames


def test_strengths_survive_the_way_through_percent() -> None:
    strengths = np.random.default_rng(3).random((50, 7), np.float32)
    np.testing.assert_allclose(from_percent(to_percent(strengths)), strengths, atol=1e-7)
    assert to_percent(np.array([0.8, 0.1], np.float32)).tolist() == [80.0, 10.0]


def test_values_outside_the_range_are_clamped() -> None:
    assert from_percent(np.array([-0.2, 50.0, 101.0])).tolist() == [0.0, 0.5, 1.0]
    assert to_percent(np.array([-0.5, 1.5], np.float32)).tolist() == [0.0, 100.0]


def test_a_csv_file_of_the_neurosync_player_is_read_as_strengths(tmp_path: Path) -> None:
    row = ["00:00:00:00.000", "68", *["0.0"] * CURVE_COUNT, "0.01", "0", "0", "0", "99.6", "0", "0"]
    header = ["Timecode", "BlendshapeCount", *CURVE_NAMES, *EMOTION_NAMES]
    (tmp_path / "shapes.csv").write_text(",".join(header) + "\n" + ",".join(row) + "\n", encoding="utf-8")
    emotions = read_frames(tmp_path / "shapes.csv").emotions
    assert emotions is not None
    np.testing.assert_allclose(emotions, [[0.0001, 0.0, 0.0, 0.0, 0.996, 0.0, 0.0]], atol=1e-7)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_every_format_holds_percent(tmp_path: Path, suffix: str) -> None:
    frames = Frames(np.zeros((1, CURVE_COUNT), np.float32), np.array([[0, 0, 0, 0.8, 0, 0, 0]], np.float32))
    write_frames(tmp_path / f"a{suffix}", frames)
    if suffix == ".csv":
        assert csv_text(frames).splitlines()[1].endswith(",80.0000000000,0.0000000000,0.0000000000,0.0000000000")
    elif suffix == ".json":
        assert '"emotions": [[0.0, 0.0, 0.0, 80.0, 0.0, 0.0, 0.0]]' in (tmp_path / "a.json").read_text("utf-8")
    else:
        assert np.load(tmp_path / "a.npz")["emotions"][0, 3] == 80.0
    emotions = read_frames(tmp_path / f"a{suffix}").emotions
    assert emotions is not None
    assert emotions[0, 3] == np.float32(0.8)
