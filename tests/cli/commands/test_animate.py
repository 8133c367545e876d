"""`neurosync animate` against the real face service."""

from __future__ import annotations

import io
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from typer.testing import CliRunner

from services.cli.app import app
from services.cli.client.sound_animation import CLIP_BYTES
from services.common.settings import load
from services.common.types import Weights
from services.face.lipsync.lip_model import LipModel
from services.face.server import FaceService
from services.face.settings import FaceSettings
from services.media.curves import INDEX
from services.media.formats.frame_files import read_frames
from services.media.sound import Sound
from services.media.wav_writer import write_wav
from services.serving.server import running
from tests.cli.conftest import Run
from tests.cli.sounds import RATE, babble


def modelled(sound: Sound) -> Weights:
    """What the model itself makes of a whole sound."""
    stream = LipModel().open(sound.sample_rate)
    return np.concatenate([stream.push(sound.pcm), stream.end()])


@pytest.fixture
async def face() -> AsyncIterator[dict[str, str]]:
    """A running face service, as the variables that lead the command to it."""
    settings = load(FaceSettings, listen="127.0.0.1:0")
    async with running(FaceService(settings), settings) as server:
        await server.warm
        yield {"NEUROSYNC_CLIENT_FACE": server.address}


async def test_a_wav_file_becomes_a_live_link_csv_beside_it(face: dict[str, str], neurosync: Run, place: Path) -> None:
    sound = babble(1.5)
    write_wav(place / "voice.wav", sound)
    result = await neurosync("animate", "voice.wav", "--json", **face)
    assert (result.status, result.err) == (0, "")
    frames = read_frames(place / "voice.csv")
    np.testing.assert_allclose(frames.weights, modelled(sound), atol=1e-4)
    assert float(np.ptp(frames.weights[:, INDEX["JawOpen"]])) > 0.05
    assert result.json["output"] == "voice.csv"
    assert (result.json["frame_count"], result.json["seconds"], result.json["model"]) == (90, 1.5, "lipsync")
    assert result.json["realtime_factor"] > 0


async def test_sound_too_large_for_one_message_is_streamed_and_gives_the_same_frames(
    face: dict[str, str], neurosync: Run, place: Path
) -> None:
    sound = babble(3.2, 96_000)
    write_wav(place / "voice.wav", sound)
    assert (place / "voice.wav").stat().st_size > CLIP_BYTES
    result = await neurosync("animate", "voice.wav", "-o", "frames.npz", **face)
    assert result.status == 0
    assert "frames.npz: 192 frames, 3.20 s at 60 Hz" in result.out
    assert "by lipsync in" in result.out
    np.testing.assert_allclose(read_frames(place / "frames.npz").weights, modelled(sound), atol=1e-3)


async def test_standard_input_becomes_the_file_that_is_named(face: dict[str, str], neurosync: Run, place: Path) -> None:
    flac = io.BytesIO()
    soundfile.write(flac, babble(0.5).pcm, RATE, format="FLAC")
    result = await neurosync("animate", "-", "-o", "frames.json", given=flac.getvalue(), **face)
    assert result.status == 0
    assert len(read_frames(place / "frames.json")) == 30


async def test_a_file_that_exists_is_replaced_only_by_force(face: dict[str, str], neurosync: Run, place: Path) -> None:
    write_wav(place / "voice.wav", babble(0.2))
    (place / "voice.csv").write_text("dear to me")
    refused = await neurosync("animate", "voice.wav", **face)
    assert (refused.status, refused.out) == (2, "")
    assert "voice.csv exists; --force replaces it" in refused.err
    assert (place / "voice.csv").read_text() == "dear to me"
    assert (await neurosync("animate", "voice.wav", "--force", **face)).status == 0
    assert len(read_frames(place / "voice.csv")) == 12


async def test_a_style_is_that_of_this_face_alone(face: dict[str, str], neurosync: Run, place: Path) -> None:
    write_wav(place / "voice.wav", babble(3.2, 96_000))  # streamed
    write_wav(place / "short.wav", babble(1.0))
    for folder in ("calm", "usual"):
        (place / folder).mkdir()
    style = ("--style", "jaw=0.5, closure=1.2,smoothing=0.02")
    assert (await neurosync("animate", "voice.wav", "short.wav", *style, "-o", "calm", **face)).status == 0
    assert (await neurosync("animate", "voice.wav", "short.wav", "-o", "usual", **face)).status == 0
    for name in ("voice.csv", "short.csv"):
        calm, usual = (read_frames(place / folder / name).weights[:, INDEX["JawOpen"]] for folder in ("calm", "usual"))
        assert 0.2 * usual.max() < calm.max() < 0.6 * usual.max()


@pytest.mark.parametrize("style", ["ears=1", "jaw", "jaw=wide", "jaw=-1", "jaw=nan", "smoothing=inf"])
async def test_a_style_that_cannot_be_is_wrong_usage(neurosync: Run, place: Path, style: str) -> None:
    write_wav(place / "voice.wav", babble(0.2))
    result = await neurosync("animate", "voice.wav", "--style", f"mouth=1,{style}")
    assert result.status == 2
    assert "--style" in result.err
    assert f"got '{style}'" in result.err


async def test_the_service_limits_a_style(face: dict[str, str], neurosync: Run, place: Path) -> None:
    write_wav(place / "voice.wav", babble(0.2))
    result = await neurosync("animate", "voice.wav", "--style", "smoothing=2", **face)
    assert result.status == 2
    assert "style.smoothing: expected 0 to 0.5 s, got 2.0" in result.err


async def test_what_is_no_sound_is_refused_with_its_first_bytes(face: dict[str, str], neurosync: Run) -> None:
    result = await neurosync("animate", "-", "-o", "frames.csv", given=b"certainly no sound", **face)
    assert (result.status, result.out) == (2, "")
    assert "file: expected a WAV, FLAC, OGG or MP3 file, got b'certainly no" in result.err


async def test_an_unknown_model_is_wrong_usage(face: dict[str, str], neurosync: Run, place: Path) -> None:
    write_wav(place / "voice.wav", babble(0.2))
    result = await neurosync("animate", "voice.wav", "--model", "grand", **face)
    assert result.status == 2
    assert "model: expected empty or one of: lipsync, got 'grand'" in result.err
    assert not (place / "voice.csv").exists()


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("nowhere.wav",), "there is no file or folder nowhere.wav"),
        (("-",), "name the output file"),
        (("voice.wav", "-o", "frames.txt"), "must end in .csv, .npz or .json"),
        (("voice.wav", "-o", "nowhere/frames.csv"), "there is no folder nowhere"),
        (("voice.wav", "--plot", "curves.jpg"), "must end in .png or .svg"),
        (("voice.wav", "--plot", "nowhere/curves.png"), "there is no folder nowhere"),
        (("voice.wav", "-", "-o", "."), "cannot be taken together"),
        (("voice.wav", ".", "-o", "frames.csv"), "must be a folder that exists"),
        (("voice.wav", "voice.wav"), "would both become voice.csv"),
        (("empty",), "is in the folder empty"),
    ],
)
def test_wrong_names_are_reported_before_anything_is_started(
    arguments: tuple[str, ...], reason: str, place: Path
) -> None:
    write_wav(place / "voice.wav", babble(0.1))
    (place / "empty").mkdir()
    result = CliRunner().invoke(app, ["animate", *arguments])
    assert result.exit_code == 2
    assert reason in " ".join(result.stderr.replace("│", " ").split())
    assert "starting" not in result.stderr


async def test_without_a_service_one_is_started_for_the_command(neurosync: Run, place: Path) -> None:
    write_wav(place / "voice.wav", babble(0.2))
    with socket.socket() as holder:  # bound and not listening: no service answers there, and none can start there
        holder.bind(("127.0.0.1", 0))
        unreachable = {"NEUROSYNC_CLIENT_FACE": f"127.0.0.1:{holder.getsockname()[1]}"}
        refused = await neurosync("animate", "voice.wav", "--no-start", **unreachable)
        assert refused.status == 1
        assert "no face answers" in refused.err
        result = await neurosync("animate", "voice.wav", **unreachable)
    assert result.status == 0
    assert "starting one for this command" in result.err
    assert len(read_frames(place / "voice.csv")) == 12
