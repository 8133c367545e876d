"""`neurosync export`: takes and recordings of others as Live Link Face CSV, in even steps, with right timecodes."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from services.cli.commands.export import even_frames
from services.media.curves import INDEX
from services.media.formats.frames_csv import CSV_NAMES, read_csv, write_csv
from services.media.frames import Frames, frame_count
from services.media.sound import Sound
from services.media.sound_file import read_sound
from services.media.takes.take_folder import Take, load_take, write_take
from services.media.takes.take_info import TakeInfo
from services.media.wav_writer import write_wav
from tests.cli.conftest import Run

RATE = 24_000
BEGUN = 13 * 3600 + 5 * 60 + 7.25  # seconds since midnight


def sent_take(seconds: float = 2.0) -> Take:
    pcm = np.zeros(round(seconds * RATE), np.int16)
    count = frame_count(len(pcm), RATE)
    weights = np.zeros((count, 61), np.float32)
    weights[:, INDEX["JawOpen"]] = np.linspace(0, 1, count)
    weights[:, INDEX["HeadYaw"]] = -0.25
    jitter = np.random.default_rng(0).uniform(0, 2e-4, count)
    return Take(TakeInfo(RATE, recorded="sent"), pcm, weights, None, BEGUN + np.arange(count) / 60 + jitter)


def codes_of(path: Path) -> list[str]:
    with path.open(encoding="utf-8", newline="") as lines:
        return [row["Timecode"] for row in csv.DictReader(lines)]


async def test_a_take_leaves_with_the_timecodes_it_was_sent_with(neurosync: Run, place: Path) -> None:
    write_take(place / "take", sent_take())
    result = await neurosync("export", "take", "out.csv", "--sound", "--json")
    assert result.status == 0, result.err
    assert result.json == {"frames": 120, "rate_hertz": 60, "seconds": 2.0, "file": "out.csv", "sound": "out.wav"}
    codes = codes_of(place / "out.csv")
    assert codes[:2] == ["13:05:07:15.000", "13:05:07:16.000"]
    assert codes[45:46] == ["13:05:08:00.000"]
    header = (place / "out.csv").read_text(encoding="utf-8").partition("\n")[0].split(",")
    assert header == ["Timecode", "BlendshapeCount", *CSV_NAMES]
    assert read_sound(place / "out.wav").seconds == 2.0


async def test_thirty_hertz_from_a_timecode_of_ones_own(neurosync: Run, place: Path) -> None:
    write_take(place / "take", sent_take())
    result = await neurosync("export", "take", "out.csv", "--rate", 30, "--timecode", "01:00:00:29")
    assert result.status == 0, result.err
    assert result.out == "out.csv: 60 frames at 30 Hz, 2.00 s\n"
    assert codes_of(place / "out.csv")[:3] == ["01:00:00:29.000", "01:00:01:00.000", "01:00:01:01.000"]
    back = read_csv(place / "out.csv")
    assert back.rate == 30
    np.testing.assert_allclose(back.weights[:, INDEX["JawOpen"]], np.linspace(0, 1, 120)[::2], atol=1e-6)


def test_timecodes_of_a_day_that_ends_go_on_with_the_next() -> None:
    take = sent_take(1.0)
    rows = even_frames(take, 60, "23:59:59:58")
    assert rows.times is not None
    np.testing.assert_allclose(np.diff(rows.times), 1 / 60, atol=1e-9)
    assert even_frames(Take(TakeInfo(RATE), take.pcm, take.weights), 60).times[0] == 0  # type: ignore[index]


async def test_recordings_of_others_are_converted(neurosync: Run, place: Path) -> None:
    folder = place / "generated"
    folder.mkdir()
    write_wav(folder / "audio.wav", Sound(np.zeros(88_200, np.int16), 88_200))
    write_csv(folder / "shapes.csv", Frames(np.full((60, 61), 0.5, np.float32), np.full((60, 7), 30.0, np.float32)))
    result = await neurosync("export", "generated", "out.npz")
    assert result.status == 0, result.err
    with np.load(place / "out.npz") as table:
        assert table["weights"].shape == (60, 61)
        assert table["emotions"].shape == (60, 7)
    for options, count in (([], "61"), (["--emotions", "--force"], "68")):  # the app has no emotions
        assert (await neurosync("export", "generated", "out.csv", *options)).status == 0
        row = (place / "out.csv").read_text(encoding="utf-8").splitlines()[1].split(",")
        assert (row[1], len(row)) == (count, 2 + int(count))


async def test_what_was_exported_is_performed_as_the_take_it_came_from(neurosync: Run, place: Path) -> None:
    take = sent_take()
    write_take(place / "take", take)
    assert (await neurosync("export", "take", "out.csv", "--sound")).status == 0
    back = load_take(place / "out.csv")
    np.testing.assert_allclose(back.weights, take.weights, atol=1e-6)
    assert back.seconds == take.seconds


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["out.fbx"], "a name that ends in .csv, .npz, .json"),
        (["there.csv"], "--force replaces it"),
        (["nowhere/out.csv"], "a folder that exists"),
        (["out.csv", "--rate", "29"], "--rate: expected one of 24, 25"),
        (["out.csv", "--timecode", "10:00:00:60"], "HH:MM:SS:FF with FF below 60"),
        (["out.csv", "--timecode", "25:00:00:00"], "HH:MM:SS:FF"),
    ],
)
async def test_what_cannot_be_written_is_an_error_of_one_line(
    neurosync: Run, place: Path, arguments: list[str], message: str
) -> None:
    write_take(place / "take", sent_take(0.2))
    (place / "there.csv").touch()
    result = await neurosync("export", "take", *arguments)
    assert result.status == 2
    assert message in result.err
    assert result.err.count("\n") == 1
    assert not (place / "out.csv").exists()
