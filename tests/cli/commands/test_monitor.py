"""`neurosync monitor` with a sender in the place of a player."""

from __future__ import annotations

import signal
import socket
import sys

import pytest

from tests.cli.conftest import Command, Run, Start
from tests.cli.datagrams import NOON, packet, send


async def listening(command: Command) -> tuple[str, int]:
    host, _, port = (await command.notice("listening on UDP")).split()[-1].rpartition(":")
    return host, int(port)


async def test_frames_that_came_are_summed_up_for_scripts(start: Start) -> None:
    command = await start("monitor", "--port", 0, "--seconds", 1, "--json")
    send(await listening(command), *(packet(NOON + index, JawOpen=0.5) for index in range(30)))
    result = await command.end()
    assert result.status == 0
    assert (result.json["accepted_count"], result.json["refused"]) == (30, {})
    assert result.json["subjects"]["Ada"]["jaw_open_max"] == 0.5
    assert 0.9 < result.json["seconds"] < 5


async def test_one_refused_datagram_makes_the_status_1(start: Start) -> None:
    command = await start("monitor", "--port", 0, "--seconds", 0.5)
    send(await listening(command), packet(), b"junk")
    result = await command.end()
    assert result.status == 1
    assert "1 accepted, 1 refused" in result.out
    assert "refused 1 x: expected at least 267 bytes, got 4" in result.out


async def test_silence_makes_the_status_1_and_prints_what_to_check(neurosync: Run) -> None:
    result = await neurosync("monitor", "--port", 0, "--seconds", 0.2)
    assert (result.status, result.out.split(" in ")[0]) == (1, "0 accepted, 0 refused")
    assert "Check that" in result.err
    assert "NEUROSYNC_PLAYER_TARGETS" in result.err


async def test_frames_for_others_are_named(start: Start) -> None:
    command = await start("monitor", "--port", 0, "--seconds", 0.5, "--subject", "Bob")
    send(await listening(command), packet(subject="Ada"))
    result = await command.end()
    assert result.status == 1
    assert "for other subjects: 'Ada'" in result.err


async def test_a_taken_port_is_a_clear_error(neurosync: Run) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as unreal:
        unreal.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as Unreal does
        unreal.bind(("0.0.0.0", 0))
        port = unreal.getsockname()[1]
        result = await neurosync("monitor", "--port", port, "--seconds", 5)
    assert (result.status, result.out) == (1, "")
    assert f"error: cannot listen on UDP 127.0.0.1:{port}: " in result.err
    assert "If Unreal or another monitor is there" in result.err


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C reaches a process alone only on POSIX")
async def test_ctrl_c_ends_with_the_summary(start: Start) -> None:
    command = await start("monitor", "--port", 0)
    send(await listening(command), packet(), packet(NOON + 1))
    await command.notice("2 accepted, 0 refused")
    command.process.send_signal(signal.SIGINT)
    result = await command.end()
    assert result.status == 0
    assert "subject Ada" in result.out
    assert "timecode       12:00:00:01 at 60 Hz, 0 times backwards" in result.out
