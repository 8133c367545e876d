"""`neurosync up` from start to end, and what happens when a process dies."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from services.media.takes.take_folder import load_take
from tests.e2e.conftest import ROOT, end_stack, start_stack


def children(pid: int) -> list[int]:
    listed = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=False)
    return [int(line) for line in listed.stdout.split()]


def is_open(address: str) -> bool:
    host, _, port = address.rpartition(":")
    with socket.socket() as probe:
        return probe.connect_ex((host, int(port))) == 0


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.skipif(sys.platform == "win32", reason="uses ps and POSIX signals")
def test_ctrl_c_leaves_no_process_and_no_port_behind_within_five_seconds() -> None:
    stack = start_stack()
    pids = children(stack.process.pid)
    assert len(pids) == 5
    assert all(is_open(address) for address in stack.addresses.values())
    began = time.monotonic()
    assert end_stack(stack) == 0
    assert time.monotonic() - began < 5
    assert not any(is_open(address) for address in stack.addresses.values())
    assert not any(is_alive(pid) for pid in pids)


@pytest.mark.skipif(sys.platform == "win32", reason="uses ps and POSIX signals")
def test_the_processes_end_when_their_supervisor_is_killed() -> None:
    stack = start_stack()
    pids = children(stack.process.pid)
    stack.process.kill()
    end_stack(stack)
    deadline = time.monotonic() + 8
    while any(is_alive(pid) for pid in pids) and time.monotonic() < deadline:
        time.sleep(0.1)  # they are no children of this process, so there is nothing to wait on
    assert not any(is_alive(pid) for pid in pids)


def test_a_command_without_running_services_starts_its_own_and_ends_them(tmp_path: Path) -> None:
    unused = {"NEUROSYNC_CLIENT_ORCHESTRATOR": "127.0.0.1:1", "NEUROSYNC_PLAYER_OUTPUT": "none"}
    done = subprocess.run(
        [sys.executable, "-m", "services.cli", "say", "All by myself.", "--take-dir", str(tmp_path / "t"), "--json"],
        env=os.environ | unused,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["heard_text"] == "All by myself."
    assert load_take(tmp_path / "t").seconds > 0.5


def test_without_services_and_without_leave_to_start_them_the_command_prints_what_to_do() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "services.cli", "say", "Hello?", "--no-start"],
        env=os.environ | {"NEUROSYNC_CLIENT_ORCHESTRATOR": "127.0.0.1:1"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.strip() == (
        "error: no orchestrator answers at 127.0.0.1:1; `neurosync up` starts one on this machine"
    )


@pytest.mark.skipif(sys.platform == "win32", reason="uses ps and POSIX signals")
def test_the_voice_goes_on_when_the_face_dies_and_the_face_comes_back() -> None:
    stack = start_stack()
    try:
        speaking = subprocess.Popen(
            [sys.executable, "-m", "services.cli", "say", "One two three four five six seven eight. " * 3, "--json"],
            env=stack.environment,
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        face = face_pid(stack.process.pid)
        try:
            speaking.communicate(timeout=3)
        except subprocess.TimeoutExpired:
            os.kill(face, signal.SIGKILL)
        out, err = speaking.communicate(timeout=60)
        summary = json.loads(out)
        assert summary["outcome"] == "completed"
        assert summary["heard_text"].endswith("eight.")
        assert "face" in err
        again = stack.command("say", "And here we are again.", "--json")
        assert json.loads(again.stdout)["outcome"] == "completed"
    finally:
        end_stack(stack)


def face_pid(supervisor: int) -> int:
    listed = subprocess.run(
        ["ps", "-o", "pid=,args=", "--ppid", str(supervisor)], capture_output=True, text=True, check=True
    )
    return next(int(line.split()[0]) for line in listed.stdout.splitlines() if "services.face" in line)
