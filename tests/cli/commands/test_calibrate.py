"""`neurosync calibrate` with the real player, by script and at a terminal."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys

import pytest

from services.cli.commands.calibrate import shifted
from services.common.errors import BadRequestError
from tests.cli.conftest import ROOT, Run, Start
from tests.cli.unreal_socket import jaws


@pytest.mark.parametrize(
    ("typed", "after"), [("+", 15), ("-", 5), ("+++", 25), ("-35", -35), ("12.5", 12.5), ("0", 0), ("+-", 10)]
)
def test_what_is_typed_moves_the_click(typed: str, after: float) -> None:
    assert shifted(10, typed) == after


@pytest.mark.parametrize("typed", ["x", "201", "-1000", "nan", "1 2"])
def test_what_is_no_shift_is_refused(typed: str) -> None:
    with pytest.raises(BadRequestError, match="shift"):
        shifted(10, typed)


async def test_without_a_terminal_it_plays_its_seconds_and_ends(
    player: dict[str, str],
    unreal: socket.socket,
    neurosync: Run,
) -> None:
    seen = asyncio.create_task(jaws(unreal, 0.7))
    result = await neurosync("calibrate", "--seconds", 2, "--shift", 40, "--json", **player)
    assert result.status == 0, result.err
    await seen
    table = result.json
    assert (table["clicks"], table["shift_ms"], table["renderer_offset_ms"], table["wanted_offset_ms"]) == (
        2,
        40,
        0,
        40,
    )
    assert table["frame_late_count"] == 0


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C reaches a process alone only on POSIX")
async def test_ctrl_c_ends_it_with_what_was_found(
    player: dict[str, str],
    unreal: socket.socket,
    start: Start,
) -> None:
    command = await start("calibrate", "--seconds", 60, "--shift", -20, **player)
    await jaws(unreal, 0.7)
    command.process.send_signal(signal.SIGINT)
    result = await command.end()
    assert result.status == 130
    assert "NEUROSYNC_PLAYER_RENDERER_OFFSET=-20" in result.out
    assert "Traceback" not in result.err


@pytest.mark.skipif(sys.platform == "win32", reason="a pseudo terminal is POSIX's")
async def test_at_a_terminal_keys_shift_the_click_until_an_empty_line(
    player: dict[str, str],
    unreal: socket.socket,
) -> None:
    master, slave = os.openpty()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "services.cli", "calibrate"),
        env=os.environ | player | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "protos")])},
        stdin=slave,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    os.close(slave)
    try:
        await jaws(unreal, 0.7)
        os.write(master, b"+++\nwhat\n")
        async with asyncio.timeout(30):
            assert process.stderr is not None
            printed = ""
            while "+, - or a number" not in printed:
                printed += (await process.stderr.readline()).decode()
            os.write(master, b"\n")
            out, _ = await process.communicate()
    finally:
        os.close(master)
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert "the click comes +15 ms after the spike; an offset of 15 ms" in printed
    assert process.returncode == 0
    assert "set NEUROSYNC_PLAYER_RENDERER_OFFSET=15 for the player" in out.decode()


async def test_without_a_player_and_without_leave_to_start_one_it_is_an_error(neurosync: Run) -> None:
    result = await neurosync("calibrate", "--no-start", NEUROSYNC_CLIENT_PLAYER="127.0.0.1:1")
    assert result.status == 1
    assert "no player answers at 127.0.0.1:1" in result.err
    with pytest.raises(json.JSONDecodeError):
        _ = result.json
