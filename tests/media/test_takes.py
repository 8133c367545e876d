from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pytest

from services.common.errors import BadRequestError, DuplicateError
from services.media.curves import INDEX
from services.media.formats.frames_csv import write_csv
from services.media.frames import Frames
from services.media.sound import Sound
from services.media.takes import take_folder as takes
from services.media.takes.take_folder import Take, load_take, slug, take_name, write_take
from services.media.takes.take_info import SentenceSpan, TakeInfo, TakePhoneme, TakeWord, info_json, parse_info
from services.media.wav_writer import write_wav
from tests.media.poses import POSES, pose

RATE = 24_000
INFO = TakeInfo(
    RATE,
    text="Hello, Zoë! 👋",
    prompt="Say hello",
    heard_text="Hello,",
    interrupted=True,
    sentences=(SentenceSpan("Hello, Zoë! 👋", 0, 13, 0, RATE),),
    words=(TakeWord("Hello,", 0, 6, 0, 9000, True), TakeWord("Zoë!", 7, 11, 9000, 20_000)),
    phonemes=(TakePhoneme("h", 0, 1200), TakePhoneme("", 1200, 1300)),
    stages={"first_sound": 0.104},
    counters={"audio_starved_count": 2},
    providers={"tts": "hibari"},
    versions={"neurosync": "0.1.0"},
    notices=("the face came late",),
    created=datetime(2026, 11, 22, 16, 0, 37, tzinfo=UTC),
)


def a_take(seconds: float = 1.0, frames: int = 60) -> Take:
    pcm = (8000 * np.sin(np.arange(round(seconds * RATE)) / 20)).astype(np.int16)
    return Take(INFO, pcm, np.tile(pose(**POSES["AA"], JawLeft=0.25), (frames, 1)))


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


def test_what_is_known_survives_json_and_unknown_fields_are_left_out() -> None:
    assert parse_info(info_json(INFO)) == INFO
    table = json.loads(info_json(INFO)) | {"of_the_future": 1}
    assert parse_info(json.dumps(table)) == INFO
    assert parse_info('{"sample_rate": 16000}') == TakeInfo(16_000)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "take.json"),
        ("{}", "sample_rate"),
        ('{"sample_rate": 24000, "version": 99}', "a newer NeuroSync wrote it"),
        ('{"sample_rate": 24000, "schema": "other"}', "expected neurosync.take, got 'other'"),
        ('{"sample_rate": 24000, "words": [{"word": "a"}]}', r"words\.0\.start_char"),
        ('{"sample_rate": 0}', "1 Hz or more"),
    ],
)
def test_a_wrong_take_json_is_refused_by_field(text: str, message: str) -> None:
    with pytest.raises(BadRequestError, match=message):
        parse_info(text)


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


def test_a_dead_writers_remains_do_not_matter_and_takes_are_never_overwritten(tmp_path: Path) -> None:
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


def test_sound_in_a_film_is_asked_for_and_no_sound_is_silence_with_a_notice(tmp_path: Path) -> None:
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


def test_what_is_no_recording_is_refused_by_name(tmp_path: Path) -> None:
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
