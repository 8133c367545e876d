"""Recordings of other programs, read as takes."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from services.common.errors import BadRequestError
from services.media.curves import INDEX
from services.media.formats.frames_csv import write_csv
from services.media.frames import Frames
from services.media.sound import Sound
from services.media.takes.take_folder import load_take, write_take
from services.media.wav_writer import write_wav
from tests.media.poses import pose
from tests.media.takes.example_take import RATE


@pytest.mark.parametrize("emotions", [False, True])
def test_a_generated_folder_is_read(tmp_path: Path, emotions: bool) -> None:
    write_wav(tmp_path / "audio.wav", Sound(np.zeros(88_200, np.int16), 88_200))
    expected = Frames(np.tile(pose(JawOpen=0.4), (61, 1)), np.full((61, 7), 0.14, np.float32) if emotions else None)
    write_csv(tmp_path / "shapes.csv", expected)
    take = load_take(tmp_path)
    assert (take.rate, take.weights.shape) == (88_200, (60, 61))
    np.testing.assert_allclose(take.weights[:, INDEX["JawOpen"]], 0.4, atol=1e-7)
    assert (take.emotions is not None) == emotions


def test_a_live_link_face_folder_is_read_with_its_sound(tmp_path: Path) -> None:
    (tmp_path / "take.json").write_text('{"version": 3, "slate": "Hero"}', encoding="utf-8")  # the app's own
    (tmp_path / "frame_log.csv").write_text("V,1,2\n", encoding="utf-8")
    for kind, jaw in (("cal", 0.5), ("raw", 0.1)):
        write_csv(tmp_path / f"Hero_1_iPhone_{kind}.csv", Frames(np.tile(pose(JawOpen=jaw), (90, 1)), rate=30))
    write_wav(tmp_path / "Hero_1_iPhone.wav", Sound(np.zeros(48_000 * 3, np.int16), 48_000))
    take = load_take(tmp_path)
    assert (take.seconds, take.weights.shape) == (3.0, (180, 61))
    np.testing.assert_allclose(take.weights[:, INDEX["JawOpen"]], 0.5, atol=1e-7)
    raw = load_take(tmp_path / "Hero_1_iPhone_raw.csv")
    np.testing.assert_allclose(raw.weights[:, INDEX["JawOpen"]], 0.1, atol=1e-7)


def test_sound_in_a_film_is_refused_with_the_remedy_and_no_sound_is_silence_with_a_notice(tmp_path: Path) -> None:
    path = tmp_path / "Hero_1_iPhone.csv"
    write_csv(path, Frames(np.zeros((60, 61), np.float32)))
    take = load_take(path)
    assert (take.seconds, bool(take.pcm.any())) == (1.0, False)
    assert "no sound" in take.info.notices[0]
    (tmp_path / "Hero_1_iPhone.mov").write_bytes(b"film")
    with pytest.raises(BadRequestError, match=r"ffmpeg -i Hero_1_iPhone\.mov"):
        load_take(tmp_path)
    write_wav(tmp_path / "voice.wav", Sound(np.ones(RATE * 2, np.int16), RATE))
    assert load_take(tmp_path).seconds == load_take(path, audio=tmp_path / "voice.wav").seconds == 2.0


def test_folders_without_a_recording_are_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(BadRequestError, match="nothing there"):
        load_take(tmp_path / "nowhere")
    with pytest.raises(BadRequestError, match="no CSV file of curves"):
        load_take(tmp_path)
    for name in ("a.csv", "b.csv"):
        write_csv(tmp_path / name, Frames(np.zeros((1, 61), np.float32)))
    with pytest.raises(BadRequestError, match=r"a\.csv, b\.csv"):
        load_take(tmp_path)


@pytest.mark.skipif(
    "NEUROSYNC_REFERENCE_DIR" not in os.environ, reason="NEUROSYNC_REFERENCE_DIR names no reference data"
)
def test_a_real_generated_folder_becomes_a_take(tmp_path: Path) -> None:
    source = Path(os.environ["NEUROSYNC_REFERENCE_DIR"]).parent / "real" / "neurosync_output_a"
    if not source.is_dir():
        pytest.skip("no real recordings beside the reference data")
    take = load_take(source)
    assert take.rate == 88_200
    assert len(take.weights) == 610
    folder = write_take(tmp_path / "take", take)
    np.testing.assert_allclose(load_take(folder).weights, take.weights, atol=1e-7)
    assert (folder / "take.html").stat().st_size < 1_600_000  # 10 s: the page halves the rate of the sound
