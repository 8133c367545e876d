"""`neurosync replay --target`: the face straight to Unreal."""

from __future__ import annotations

import asyncio
import signal
import socket
import sys
from pathlib import Path

import pytest

from services.media.takes.take_folder import write_take
from tests.cli.conftest import Run, Start
from tests.cli.takes import made_take
from tests.cli.unreal_socket import JAW, arrived


async def test_the_command_sends_the_face_without_a_player(unreal: socket.socket, neurosync: Run, place: Path) -> None:
    write_take(place / "take", made_take(0.5))
    port = unreal.getsockname()[1]
    result = await neurosync("replay", "take", "--target", f"127.0.0.1:{port}", "--subject", "Zoë", "--json")
    assert result.status == 0, result.err
    assert "no sound" in result.err
    packets = arrived(unreal)
    assert result.json["sent_count"] == len(packets)
    assert {packet["subject"] for packet in packets} == {"Zoë"}
    assert max(packet["values"][JAW] for packet in packets) == pytest.approx(0.83)


async def test_a_target_where_no_program_listens_is_reported(neurosync: Run, place: Path) -> None:
    write_take(place / "take", made_take(0.2))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    result = await neurosync("replay", "take", "--target", f"127.0.0.1:{port}")
    assert result.status == 0
    assert "completed: " in result.out
    if sys.platform == "linux":  # which reports the refusal to the sender
        assert f"nobody listens on 127.0.0.1:{port}" in result.err


@pytest.mark.parametrize("target", ["127.0.0.1:99999", ":11111", "127.0.0.1:0"])
async def test_a_wrong_target_is_refused(neurosync: Run, place: Path, target: str) -> None:
    write_take(place / "take", made_take(0.1))
    result = await neurosync("replay", "take", "--target", target)
    assert result.status == 2
    assert "--target: expected HOST or HOST:PORT" in result.err


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C reaches a process alone only on POSIX")
async def test_ctrl_c_ends_it(unreal: socket.socket, start: Start, place: Path) -> None:
    write_take(place / "take", made_take(30))
    command = await start("replay", "take", "--target", f"127.0.0.1:{unreal.getsockname()[1]}")
    await command.notice("sending take")
    await asyncio.get_running_loop().sock_recv(unreal, 2048)
    command.process.send_signal(signal.SIGINT)
    result = await command.end()
    assert result.status == 130
    assert result.out.startswith("stopped: ")
    assert "Traceback" not in result.err
