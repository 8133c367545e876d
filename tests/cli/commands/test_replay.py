"""`neurosync replay` against the real player, paced by its clock."""

from __future__ import annotations

import asyncio
import signal
import socket
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from services.common.settings import load
from services.media.formats.frames_csv import write_csv
from services.media.frames import Frames
from services.media.sound_file import read_sound
from services.media.takes.take_folder import write_take
from services.player.server import PlayerService
from services.player.settings import PlayerSettings
from services.serving.server import running
from tests.cli.conftest import Run, Start
from tests.cli.takes import WIDE, made_take
from tests.cli.unreal_socket import jaws


async def test_a_take_is_performed_to_its_end(
    player: dict[str, str], unreal: socket.socket, neurosync: Run, place: Path
) -> None:
    write_take(place / "take", made_take(0.5, emotions=True))
    seen = asyncio.create_task(jaws(unreal, 0.8 * WIDE))
    result = await neurosync("replay", "take", "--json", **player)
    assert result.status == 0, result.err
    assert await seen  # the face moved in Unreal
    table = result.json
    assert table["outcome"] == "completed"
    assert (table["seconds"], table["heard_seconds"]) == (0.5, 0.5)
    assert table["frame_shown_count"] + table["frame_late_count"] == 30
    assert "sound: none, so nothing will be heard" in result.err
    assert f"face: Live Link to 127.0.0.1:{unreal.getsockname()[1]}" in result.err


async def test_a_take_is_heard_on_the_output_of_its_subject(neurosync: Run, place: Path) -> None:
    write_take(place / "take", take := made_take(0.5))
    heard = place / "bob.wav"
    outputs = {"Bob": f"file:{heard}"}
    settings = load(PlayerSettings, listen="127.0.0.1:0", output="none", outputs=outputs, targets="127.0.0.1:9")
    async with running(PlayerService(settings), settings) as server:
        await server.warm
        result = await neurosync("replay", "take", "--subject", "Bob", NEUROSYNC_CLIENT_PLAYER=server.address)
    assert result.status == 0, result.err
    assert "sound: none, so nothing will be heard (output is set to none)" in result.err
    assert f"sound of Bob: into {heard}, so nothing will be heard" in result.err
    written = read_sound(heard)
    assert np.abs(written.pcm).max() > 0.9 * np.abs(take.pcm).max()
    assert np.count_nonzero(written.pcm) / written.sample_rate == pytest.approx(0.5, abs=0.1)


async def test_frames_without_sound_are_performed_in_silence(
    player: dict[str, str], neurosync: Run, place: Path
) -> None:
    write_csv(place / "MySlate_1_iPhone.csv", Frames(made_take(0.3).weights))
    result = await neurosync("replay", "MySlate_1_iPhone.csv", "--subject", "Ada", **player)
    assert result.status == 0, result.err
    assert "played in silence" in result.err
    assert "completed: heard 0.30 of 0.30 s" in result.out
    assert "ran out of sound 0 times" in result.out


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C reaches a process alone only on POSIX")
async def test_ctrl_c_silences_the_take_and_reports_how_much_was_heard(
    player: dict[str, str], unreal: socket.socket, start: Start, place: Path
) -> None:
    write_take(place / "take", made_take(30))
    command = await start("replay", "take", **player)
    await command.notice("replaying take: 30.0 s of sound, 1800 frames")
    await jaws(unreal, 0.8 * WIDE)
    command.process.send_signal(signal.SIGINT)
    result = await command.end()
    assert result.status == 130
    assert result.out.startswith("interrupted: heard ")
    assert 0 < float(result.out.split()[2]) < 29
    assert "Traceback" not in result.err


async def test_what_is_no_take_is_an_error_of_one_line(player: dict[str, str], neurosync: Run, place: Path) -> None:
    (place / "folder").mkdir()
    result = await neurosync("replay", "folder", **player)
    assert result.status == 2
    assert result.err == "error: folder: expected one Live Link Face CSV file (name the file itself), got " + (
        "'no CSV file of curves'\n"
    )
    assert (await neurosync("replay", "nowhere", **player)).status == 2


async def test_sound_of_other_formats_is_played(player: dict[str, str], neurosync: Run, place: Path) -> None:
    write_csv(place / "capture.csv", Frames(made_take(0.3).weights))
    soundfile.write(place / "voice.flac", made_take(0.3).pcm, 24_000)
    result = await neurosync("replay", "capture.csv", "--audio", "voice.flac", "--json", **player)
    assert result.status == 0, result.err
    assert result.json["heard_seconds"] == 0.3
    assert "silence" not in result.err
