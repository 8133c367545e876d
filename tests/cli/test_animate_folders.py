"""`neurosync animate` on folders, and the pictures it draws."""

from __future__ import annotations

import json
import zlib
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from services.cli.plotting import CURVES, LINE, WAVE, moving, picture
from services.cli.raster import WHITE, Picture
from services.face.server import FaceService
from services.face.settings import FaceSettings
from services.media.curves import CURVE_COUNT, INDEX
from services.media.frame_files import read_frames
from services.media.frames import Frames
from services.media.wav import Sound, wav_bytes, write_wav
from services.serving import running
from services.settings import load
from tests.cli.conftest import Run
from tests.cli.test_animate import RATE, babble


@pytest.fixture
async def face() -> AsyncIterator[dict[str, str]]:
    """A running face service, as the variables that lead the command to it."""
    settings = load(FaceSettings, listen="127.0.0.1:0")
    async with running(FaceService(settings), settings) as server:
        await server.warm
        yield {"NEUROSYNC_CLIENT_FACE": server.address}


def pixels_of(path: Path) -> npt.NDArray[np.uint8]:
    """Return the pixels of a PNG of ours, shape (height, width, 3), by the words of the specification."""
    data = path.read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    at, chunks = 8, {}
    while at < len(data):
        length, kind = int.from_bytes(data[at : at + 4]), data[at + 4 : at + 8]
        assert int.from_bytes(data[at + 8 + length : at + 12 + length]) == zlib.crc32(data[at + 4 : at + 8 + length])
        chunks[kind] = data[at + 8 : at + 8 + length]
        at += 12 + length
    assert list(chunks) == [b"IHDR", b"IDAT", b"IEND"]
    width, height = int.from_bytes(chunks[b"IHDR"][:4]), int.from_bytes(chunks[b"IHDR"][4:8])
    assert chunks[b"IHDR"][8:] == bytes([8, 2, 0, 0, 0])
    rows = np.frombuffer(zlib.decompress(chunks[b"IDAT"]), np.uint8).reshape(height, 1 + 3 * width)
    assert not rows[:, 0].any()
    return rows[:, 1:].reshape(height, width, 3)


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
    told = [json.loads(line) for line in result.out.splitlines()]
    assert [(each["output"], each["frame_count"]) for each in told] == [("frames/a.npz", 12), ("frames/b.npz", 18)]
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
    piped[4:8] = piped[40:44] = b"\xff" * 4  # a program that writes to a pipe does not know the length beforehand
    result = await neurosync("animate", "-", "-o", "frames.csv", "--plot", "curves.png", given=bytes(piped), **face)
    assert (result.status, result.err) == (0, "")
    assert len(read_frames(place / "frames.csv")) == 30
    assert (pixels_of(place / "curves.png") == LINE).all(axis=2).any()


def test_the_picture_shows_sound_and_curves_at_their_time() -> None:
    weights = np.zeros((120, CURVE_COUNT), np.float32)
    weights[60:, INDEX["JawOpen"]] = 0.5
    pcm = np.zeros(2 * RATE, np.int16)
    pcm[RATE:] = np.random.default_rng(0).integers(-20_000, 20_000, RATE)
    pixels = picture(Sound(pcm, RATE), Frames(weights), "a step").pixels
    for colour in (WAVE, LINE):
        found = (pixels == colour).all(axis=2)
        columns = np.flatnonzero(found.any(axis=0))
        middle = (columns[0] + columns[-1]) // 2
        early, late = found[:, columns[0] : middle - 8], found[:, middle + 8 : columns[-1]]
        assert np.flatnonzero(early.any(axis=1)).min() > np.flatnonzero(late.any(axis=1)).min()
        assert late.any(axis=0).all()


def test_curves_that_move_most_are_chosen_and_pairs_are_drawn_once() -> None:
    weights = np.zeros((60, CURVE_COUNT), np.float32)
    wave = np.sin(np.arange(60)).astype(np.float32)
    for name, size in (("JawOpen", 0.5), ("MouthSmileLeft", 0.3), ("MouthSmileRight", 0.3), ("CheekPuff", 0.1)):
        weights[:, INDEX[name]] = size * wave
    weights[:, INDEX["BrowDownLeft"]] = 0.2 * wave
    assert list(moving(Frames(weights))) == ["JawOpen", "MouthSmile", "BrowDownLeft", "CheekPuff"]
    weights[:] = np.random.default_rng(1).random((60, CURVE_COUNT))
    assert len(moving(Frames(weights))) == CURVES
    assert not moving(Frames(np.zeros((0, CURVE_COUNT), np.float32)))


@pytest.mark.parametrize(("samples", "frames"), [(0, 0), (1, 1), (RATE, 0), (0, 60), (RATE // 2, 30)])
def test_anything_can_be_drawn(samples: int, frames: int) -> None:
    weights = np.random.default_rng(2).random((frames, CURVE_COUNT)).astype(np.float32)
    drawn = picture(Sound(np.full(samples, 900, np.int16), RATE), Frames(weights), "")
    assert drawn.pixels.shape[1] >= 700


def test_letters_are_their_pixels(tmp_path: Path) -> None:
    drawn = Picture(7, 9)
    drawn.text(1, 1, "L", (0, 0, 0))
    drawn.text(-3, 30, "beyond the picture", (0, 0, 0))
    (tmp_path / "l.png").write_bytes(drawn.png())
    pixels = pixels_of(tmp_path / "l.png")
    seen = ["".join("#" if tuple(pixel) != WHITE else "." for pixel in row) for row in pixels]
    assert seen == [".......", *[".#....."] * 6, ".#####.", "......."]
