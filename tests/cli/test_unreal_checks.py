"""What `neurosync doctor` finds on the way to Unreal, with real sockets and real players."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import grpc
import numpy as np
import pytest

from services.cli.checks import arrival_checks, target_checks
from services.cli.checks.arrival_checks import check_arrivals
from services.cli.checks.character_checks import check_characters
from services.cli.checks.check import Check, State
from services.cli.checks.machine_checks import check_timing
from services.cli.checks.player_checks import check_player
from services.cli.checks.target_checks import check_targets
from services.common.addresses import Endpoint
from services.common.settings import load
from services.media.livelink import LiveLinkEncoder
from services.player.server import PlayerService
from services.player.settings import PlayerSettings
from services.serving.dialing import dial
from services.serving.server import running
from tests.cli.conftest import Run


@pytest.mark.parametrize(
    ("subjects", "said"),
    [
        (["Zoë"], "'Zoë' is not ASCII"),
        (["None"], "'None' means \"no name\" in Unreal"),
        (["Ada ", "Bob"], "'Ada ' begins or ends with a space"),
        (["Ada", "ADA"], "'ada' comes twice; Unreal ignores case"),
        (["A\nda"], "has a control character"),
    ],
)
def test_names_that_unreal_would_not_find_are_noted(subjects: list[str], said: str) -> None:
    check = check_characters(subjects)
    assert check.state is State.NOTE
    assert said in check.found
    assert "NEUROSYNC_PLAYER_SUBJECTS" in check.advice


def test_plain_names_are_fine() -> None:
    assert check_characters(["NeuroSync", "Ada Lovelace"]).state is State.OK


def test_the_timing_of_this_machine_is_told() -> None:
    check = check_timing()
    assert check.state is State.OK
    assert check.found


@contextlib.contextmanager
def sending(port: int, *senders: tuple[str, str], rate: float = 60, junk: bytes = b"") -> Iterator[None]:
    """Send frames of (subject, device id) pairs to a port for the length of a block."""
    stop = threading.Event()

    def send() -> None:
        encoders = [LiveLinkEncoder(subject, device_id=device) for subject, device in senders]
        pose, begun, tick = np.zeros(61, np.float32), time.monotonic(), 0
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
            while not stop.is_set():
                for encoder in encoders:
                    out.sendto(encoder.encode(pose, frame=tick, sub_frame=0), ("127.0.0.1", port))
                if junk:
                    out.sendto(junk, ("127.0.0.1", port))
                tick += 1
                stop.wait(max(0.0, begun + tick / rate - time.monotonic()))

    thread = threading.Thread(target=send)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


@pytest.fixture
def port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


async def test_two_players_that_send_one_subject_are_found(port: int) -> None:
    with sending(port, ("Ada", "one"), ("Ada", "two"), ("Bob", "two")):
        (check,) = await check_arrivals([f"127.0.0.1:{port}"])
    assert check.state is State.NOTE
    assert check.found == "2 senders send subject 'Ada': the face flickers between them"
    assert "end all players but one" in check.advice


async def test_a_sender_at_another_rate_and_what_unreal_would_drop_are_found(port: int) -> None:
    with sending(port, ("Ada", "one"), rate=30, junk=b"junk"):
        dropped, slow = await check_arrivals([f"localhost:{port}"])
    assert "datagrams that Unreal would drop: expected at least 267 bytes, got 4" in dropped.found
    assert "subject 'Ada' comes " in slow.found
    assert "times a second, not 60" in slow.found


async def test_a_good_sender_is_said_to_be_good_and_silence_nothing(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrival_checks, "RATE_TOLERANCE", 10)  # the sender here is a test's thread on a busy machine
    with sending(port, ("Ada", "one")):
        assert await check_arrivals([f"127.0.0.1:{port}"]) == [
            Check(f"frames on {port}", State.OK, "'Ada' at 60 Hz, as Unreal takes them")
        ]
    assert await check_arrivals([f"127.0.0.1:{port}", "192.0.2.7"]) == []


async def test_where_unreal_listens_nobody_else_looks(port: int) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as unreal:
        unreal.bind(("127.0.0.1", port))
        assert await check_arrivals([f"127.0.0.1:{port}"]) == []


@contextlib.asynccontextmanager
async def a_player(**settings: object) -> AsyncIterator[tuple[grpc.aio.Channel, str]]:
    values = load(PlayerSettings, listen="127.0.0.1:0", **settings)
    async with running(PlayerService(values), values) as server:
        await server.warm
        async with dial(server.address) as channel:
            yield channel, server.address


async def test_a_player_without_a_device_and_without_a_listener_is_told(port: int) -> None:
    async with a_player(output="none", targets=f"127.0.0.1:{port}") as (channel, _):
        checks = {check.name: check for check in await check_player(channel, (), [f"localhost:{port}"])}
    assert set(checks) == {"player's sound", "player's pace", f"player to 127.0.0.1:{port}"}
    sound = checks["player's sound"]
    assert (sound.state, sound.found) == (State.NOTE, "none, nothing is heard: output is set to none")
    sink = checks[f"player to 127.0.0.1:{port}"]
    assert sink.state is State.NOTE
    assert "refusals by the system" in sink.found
    assert "frames a second" in checks["player's pace"].found


async def test_outputs_of_single_subjects_are_told_beside_the_player_s_own(port: int, tmp_path: Path) -> None:
    file = f"file:{tmp_path / 'bob.wav'}"
    async with a_player(output="none", outputs={"Bob": file, "Cyd": file}, targets=f"127.0.0.1:{port}") as (channel, _):
        checks = {check.name: check for check in await check_player(channel, (), [f"localhost:{port}"])}
    assert list(checks)[:4] == ["player's sound", "player's pace", "Bob and Cyd's sound", "Bob and Cyd's pace"]
    assert checks["player's sound"].state is State.NOTE
    assert checks["Bob and Cyd's sound"].state is State.OK
    assert "bob.wav" in checks["Bob and Cyd's sound"].found
    assert "frames a second" in checks["Bob and Cyd's pace"].found


async def test_a_player_that_sends_elsewhere_than_the_settings_say_is_told(port: int) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as unreal:
        unreal.bind(("127.0.0.1", 0))
        actual = unreal.getsockname()[1]
        async with a_player(output="none", targets=f"127.0.0.1:{actual}") as (channel, _):
            checks = {check.name: check for check in await check_player(channel, (), [f"127.0.0.1:{port}"])}
    assert checks["player's targets"].state is State.NOTE
    assert f"sends to 127.0.0.1:{actual}" in checks["player's targets"].found
    assert checks[f"player to 127.0.0.1:{actual}"].state is State.OK


async def test_a_player_that_does_not_answer_is_told(port: int) -> None:
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


def test_a_target_that_is_named_twice_is_noted(port: int) -> None:
    *_, check = check_targets([f"127.0.0.1:{port}", "192.0.2.7", f"127.0.0.1:{port}"])
    assert (check.name, check.found) == ("targets", f"127.0.0.1:{port} is named twice")


@pytest.mark.parametrize("target", ["127.0.0.1:99999", "127.0.0.1:0", ":11111"])
def test_what_is_no_target_is_a_problem(target: str) -> None:
    (check,) = check_targets([target])
    assert check.state is State.PROBLEM


def endpoint(host: str, port: int) -> Endpoint:
    return Endpoint(socket.AF_INET, socket.SOCK_DGRAM, 0, (host, port))


def test_a_machine_that_refuses_or_is_silent_is_told_from_one_that_cannot_be_reached(port: int) -> None:
    address = ("127.0.0.1", port)
    refused = target_checks._check_remote("UDP x", endpoint(*address), port)
    assert (refused.state, refused.found) == (State.NOTE, "that machine says that nobody listens")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as unreal:
        unreal.bind(address)
        silent = target_checks._check_remote("UDP x", endpoint(*address), port)
        assert unreal.recv(10) == b""  # empty: nothing that could disturb Unreal
    assert silent.state is State.OK
    assert f"localport={port}" in silent.advice
    nowhere = target_checks._check_remote("UDP x", endpoint("255.255.255.255", port), port)
    assert nowhere.state is State.NOTE
    assert "cannot be reached" in nowhere.found


async def test_examining_takes_no_longer_than_it_promises(port: int) -> None:
    begun = asyncio.get_running_loop().time()
    await check_arrivals([f"127.0.0.1:{port}"])
    assert asyncio.get_running_loop().time() - begun < 5
