"""Takes as folders."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pytest

from services.common.errors import BadRequestError, DuplicateError
from services.media.curves import INDEX
from services.media.sound import Sound
from services.media.takes import take_folder as takes
from services.media.takes.take_folder import load_take, slug, take_name, write_take
from services.media.wav_writer import write_wav
from tests.media.takes.example_take import INFO, RATE, a_take


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Hello! Who are you?", "hello-who-are-you"),
        ("It's Zoë's  café…", "its-zoes-cafe"),
        ("../../etc/passwd", "etc-passwd"),
        ("你好", "take"),
        ("", "take"),
        ("one two three four five six seven eight nine ten", "one-two-three-four-five-six-seven-eight"),
        ("a" * 100, "a" * 40),
    ],
)
def test_a_text_makes_a_safe_name(text: str, name: str) -> None:
    assert slug(text) == name


def test_the_default_folder_is_named_by_universal_time_and_text() -> None:
    here = datetime(2026, 11, 22, 17, 0, 37, tzinfo=timezone(timedelta(hours=1)))
    assert take_name(here, "Hello there") == "20261122T160037Z-hello-there"


def test_a_take_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    take = a_take()
    folder = write_take(tmp_path / "takes" / "one", take)
    assert sorted(path.name for path in folder.iterdir()) == ["audio.wav", "frames.csv", "take.html", "take.json"]
    back = load_take(folder)
    assert back.info == INFO
    assert back.rate == RATE
    np.testing.assert_array_equal(back.pcm, take.pcm)
    np.testing.assert_allclose(back.weights, take.weights, atol=1e-7)
    assert back.weights[0, INDEX["JawLeft"]] == 0.25
    assert back.weights.dtype == np.float32


@pytest.mark.parametrize("frames", [0, 30, 60, 200])
def test_a_take_has_one_frame_for_each_sixtieth_of_its_sound(tmp_path: Path, frames: int) -> None:
    folder = write_take(tmp_path / "take", a_take(1.005, frames))
    assert len((folder / "frames.csv").read_text(encoding="utf-8").splitlines()) == 1 + 61
    assert load_take(folder).weights.shape == (61, 61)


def test_a_take_that_cannot_be_finished_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full_disk(*args: object) -> str:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(takes, "render_page", full_disk)
    with pytest.raises(OSError, match="No space"):
        write_take(tmp_path / "take", a_take())
    assert list(tmp_path.iterdir()) == []


def test_files_of_a_dead_writer_are_replaced_and_takes_are_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / ".take.partial").mkdir()
    (tmp_path / ".take.partial" / "audio.wav").write_bytes(b"half")
    (tmp_path / "take").mkdir()  # empty: as a person who makes the folder first
    folder = write_take(tmp_path / "take", a_take())
    assert [path.name for path in tmp_path.iterdir()] == ["take"]
    with pytest.raises(DuplicateError, match="exists"):
        write_take(folder, a_take(2.0))
    assert load_take(folder).seconds == 1.0


def test_a_take_whose_parts_disagree_is_refused(tmp_path: Path) -> None:
    folder = write_take(tmp_path / "take", a_take())
    write_wav(folder / "audio.wav", Sound(np.zeros(100, np.int16), 16_000))
    with pytest.raises(BadRequestError, match="16000 Hz"):
        load_take(folder)
    (folder / "audio.wav").unlink()
    with pytest.raises(BadRequestError, match=r"no audio\.wav"):
        load_take(folder)
