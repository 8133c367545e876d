"""`neurosync animate` on folders, and the pictures it draws."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest

from services.cli.pictures.moving_curves import DRAWN, moving_curves
from services.cli.pictures.plot import WIDTH
from services.common.settings import load
from services.face.server import FaceService
from services.face.settings import FaceSettings
from services.media.curves import CURVE_COUNT, INDEX
from services.media.formats.frame_files import read_frames
from services.media.wav_writer import wav_bytes, write_wav
from services.serving.server import running
from tests.cli.conftest import Run
from tests.cli.pictures.pictures import pixels
from tests.cli.sounds import babble


@pytest.fixture
async def face() -> AsyncIterator[dict[str, str]]:
    """A running face service, as the variables that lead the command to it."""
    settings = load(FaceSettings, listen="127.0.0.1:0")
    async with running(FaceService(settings), settings) as server:
        await server.warm
        yield {"NEUROSYNC_CLIENT_FACE": server.address}


async def test_a_folder_is_animated_but_for_what_is_done_and_what_is_no_sound(
    face: dict[str, str], neurosync: Run, place: Path
) -> None:
    for name in ("recordings", "frames", "pictures"):
        (place / name).mkdir()
    for name, seconds in (("a", 0.2), ("b", 0.3), ("done", 0.2)):
        write_wav(place / "recordings" / f"{name}.wav", babble(seconds))
    (place / "recordings" / "broken.wav").write_bytes(b"certainly no sound")
    (place / "recordings" / "notes.txt").write_text("not to be animated")
    (place / "frames" / "done.npz").write_text("dear to me")
    result = await neurosync(
        "animate", "recordings", "-o", "frames", "--plot", "pictures", "--format", "npz", "--json", **face
    )
    assert result.status == 2
    assert "frames/done.npz exists: passed over" in result.err
    assert "error: recordings/broken.wav: expected a WAV, FLAC, OGG or MP3 file" in result.err
    tables = [json.loads(line) for line in result.out.splitlines()]
    assert [(each["output"], each["frame_count"]) for each in tables] == [("frames/a.npz", 12), ("frames/b.npz", 18)]
    assert len(read_frames(place / "frames" / "b.npz")) == 18
    assert (place / "frames" / "done.npz").read_text() == "dear to me"
    assert sorted(path.name for path in (place / "pictures").iterdir()) == ["a.png", "b.png"]


async def test_several_files_and_force(face: dict[str, str], neurosync: Run, place: Path) -> None:
    for name in ("a", "b"):
        write_wav(place / f"{name}.wav", babble(0.2))
    (place / "b.csv").write_text("old")
    assert (await neurosync("animate", "a.wav", "b.wav", "--force", **face)).status == 0
    assert [len(read_frames(place / name)) for name in ("a.csv", "b.csv")] == [12, 12]
    again = await neurosync("animate", "a.wav", "b.wav", **face)
    assert (again.status, again.err.count("passed over")) == (0, 2)


async def test_what_a_pipe_writes_has_no_length_and_is_animated_nevertheless(
    face: dict[str, str], neurosync: Run, place: Path
) -> None:
    piped = bytearray(wav_bytes(babble(0.5)))
    piped[4:8] = piped[40:44] = b"\xff" * 4  # a program that writes to a pipe does not have the length beforehand
    result = await neurosync("animate", "-", "-o", "frames.csv", "--plot", "curves.png", given=bytes(piped), **face)
    assert (result.status, result.err) == (0, "")
    assert len(read_frames(place / "frames.csv")) == 30
    drawn = pixels((place / "curves.png").read_bytes())
    assert drawn.shape[1] == WIDTH
    assert len(np.unique(drawn.reshape(-1, 3), axis=0)) > 10


def test_curves_that_move_most_are_drawn_and_of_twins_the_left() -> None:
    weights = np.zeros((60, CURVE_COUNT), np.float32)
    wave = np.sin(np.arange(60)).astype(np.float32)
    for name, size in (("JawOpen", 0.5), ("MouthSmileLeft", 0.3), ("MouthSmileRight", 0.3), ("CheekPuff", 0.1)):
        weights[:, INDEX[name]] = size * wave
    weights[:, INDEX["BrowDownLeft"]] = 0.2 * wave
    assert moving_curves(weights) == ["JawOpen", "MouthSmileLeft", "BrowDownLeft", "CheekPuff"]
    weights[:] = np.random.default_rng(1).random((60, CURVE_COUNT))
    assert len(moving_curves(weights)) == DRAWN
    assert not moving_curves(np.zeros((1, CURVE_COUNT), np.float32))
