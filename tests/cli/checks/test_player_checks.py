"""Checks of players that run."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import grpc

from services.cli.checks.check import State
from services.cli.checks.player_checks import check_player
from services.common.settings import load
from services.player.server import PlayerService
from services.player.settings import PlayerSettings
from services.serving.dialing import dial
from services.serving.server import running
from tests.cli.conftest import Run


@contextlib.asynccontextmanager
async def a_player(**settings: object) -> AsyncIterator[tuple[grpc.aio.Channel, str]]:
    values = load(PlayerSettings, listen="127.0.0.1:0", **settings)
    async with running(PlayerService(values), values) as server:
        await server.warm
        async with dial(server.address) as channel:
            yield channel, server.address


async def test_a_player_without_a_device_and_without_a_listener_is_reported(port: int) -> None:
    async with a_player(output="none", targets=f"127.0.0.1:{port}") as (channel, _):
        checks = {check.name: check for check in await check_player(channel, (), [f"localhost:{port}"])}
    assert set(checks) == {"player's sound", "player's pace", f"player to 127.0.0.1:{port}"}
    sound = checks["player's sound"]
    assert (sound.state, sound.found) == (State.NOTE, "none, nothing is heard: output is set to none")
    sink = checks[f"player to 127.0.0.1:{port}"]
    assert sink.state is State.NOTE
    assert "refusals by the system" in sink.found
    assert "frames a second" in checks["player's pace"].found


async def test_outputs_of_single_subjects_are_reported_beside_the_player_s_own(port: int, tmp_path: Path) -> None:
    file = f"file:{tmp_path / 'bob.wav'}"
    async with a_player(output="none", outputs={"Bob": file, "Cyd": file}, targets=f"127.0.0.1:{port}") as (channel, _):
        checks = {check.name: check for check in await check_player(channel, (), [f"localhost:{port}"])}
    assert list(checks)[:4] == ["player's sound", "player's pace", "Bob and Cyd's sound", "Bob and Cyd's pace"]
    assert checks["player's sound"].state is State.NOTE
    assert checks["Bob and Cyd's sound"].state is State.OK
    assert "bob.wav" in checks["Bob and Cyd's sound"].found
    assert "frames a second" in checks["Bob and Cyd's pace"].found


async def test_a_player_that_sends_elsewhere_than_the_settings_say_is_reported(port: int) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as unreal:
        unreal.bind(("127.0.0.1", 0))
        actual = unreal.getsockname()[1]
        async with a_player(output="none", targets=f"127.0.0.1:{actual}") as (channel, _):
            checks = {check.name: check for check in await check_player(channel, (), [f"127.0.0.1:{port}"])}
    assert checks["player's targets"].state is State.NOTE
    assert f"sends to 127.0.0.1:{actual}" in checks["player's targets"].found
    assert checks[f"player to 127.0.0.1:{actual}"].state is State.OK


async def test_a_player_that_does_not_answer_is_reported(port: int) -> None:
    async with dial(f"127.0.0.1:{port}") as channel:
        (check,) = await check_player(channel, (), [])
    assert (check.name, check.state) == ("player", State.NOTE)
    assert check.found.startswith("UNAVAILABLE: ")


async def test_doctor_looks_at_the_player_that_runs(port: int, neurosync: Run) -> None:
    async with a_player(output="none", targets=f"127.0.0.1:{port}") as (_, address):
        result = await neurosync(
            "doctor", "--json", NEUROSYNC_CLIENT_PLAYER=address, NEUROSYNC_PLAYER_TARGETS=f"127.0.0.1:{port}"
        )
    found = {check["name"]: check for check in result.json["checks"]}
    assert found["player's sound"]["state"] == "note"
    assert found[f"frames on {port}"]["found"].startswith("'NeuroSync' at 60 Hz") or (
        "comes" in found[f"frames on {port}"]["found"]  # the machine was too busy to send at 60 Hz
    )
    assert found["subjects"]["state"] == "ok"
