"""The machine of Unreal: what `pip install "neurosync[player]"` installs there, and that the player runs.

The environment is made by the script that makes the images, from the same files. All of this takes about a minute, if
pip has the packages in its cache.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CONTEXT = (
    "pyproject.toml",
    "requirements.lock",
    "README.md",
    "LICENSE",
    "protos",
    "services",
    "deploy/docker/install.sh",
)
HEAVY = {"torch", "openai", "elevenlabs", "librosa", "onnxruntime", "hibari-tts", "xllamacpp", "scipy"}
SERVICE = "neurosync.v1.PlayerService"
SMALLEST_DATAGRAM = 267  # bytes; Unreal drops smaller ones

pytestmark = pytest.mark.timeout(900)  # the first time, pip fetches everything


def run(*command: str | Path, cwd: Path) -> str:
    """Run a command to its end and return what it printed; its messages are in the failure."""
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=800,
        check=False,
    )
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout


def environment(**more: str) -> dict[str, str]:
    """Return the environment without settings, in which `python3` is the one that runs the tests."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("NEUROSYNC_", "PYTHON", "COV_"))}
    return kept | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"} | more


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copy what the images are built from: the stubs are generated anew, and not into this checkout."""
    folder = tmp_path_factory.mktemp("source")
    ignore = shutil.ignore_patterns("__pycache__", "*_pb2*")
    for name in CONTEXT:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=ignore)
        else:
            shutil.copy2(ROOT / name, folder / name)
    return folder


@pytest.fixture(scope="module")
def machine(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a virtual environment with the wheel and the extra `player`."""
    folder = tmp_path_factory.mktemp("machine") / "venv"
    run("bash", source / "deploy/docker/install.sh", folder, "player", cwd=source)
    return folder


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


@pytest.fixture(scope="module")
def installed(machine: Path) -> dict[str, str]:
    """Return the versions of what is installed."""
    code = (
        "import json; from importlib.metadata import distributions; "
        "print(json.dumps({d.name: d.version for d in distributions()}))"
    )
    versions = json.loads(run(machine / "bin/python", "-I", "-c", code, cwd=machine))
    return {canonical(name): version for name, version in versions.items()}


@pytest.fixture(scope="module")
def wheel_files(machine: Path) -> set[str]:
    """Return the files of the wheel."""
    code = "from importlib.metadata import files; print(*files('neurosync'), sep='\\n')"
    return set(run(machine / "bin/python", "-I", "-c", code, cwd=machine).splitlines())


def test_it_installs_its_own_libraries_and_no_heavy_ones(installed: dict[str, str]) -> None:
    assert {"neurosync", "grpcio", "sounddevice", "soxr"} <= set(installed)
    assert not HEAVY & set(installed)
    assert "pip" not in installed


def test_every_version_is_the_locked_one(installed: dict[str, str]) -> None:
    lock = (ROOT / "requirements.lock").read_text()
    pinned = {(canonical(name), version) for name, version in re.findall(r"^([\w.-]+)==([\w.]+)", lock, re.MULTILINE)}
    assert set(installed.items()) - {("neurosync", installed["neurosync"])} <= pinned


def test_installing_from_the_source_installs_the_same(source: Path, installed: dict[str, str], tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    pip = ("python3", "-m", "pip", "install", "--quiet", "--dry-run", "--ignore-installed", "--report", report)
    run(*pip, "--constraint", "requirements.lock", ".[player]", cwd=source)
    wanted = {
        item["metadata"]["name"]: item["metadata"]["version"] for item in json.loads(report.read_text())["install"]
    }
    assert {canonical(name): version for name, version in wanted.items()} == installed


def test_the_wheel_contains_the_contracts_the_types_and_the_assets(wheel_files: set[str]) -> None:
    for contract in (ROOT / "protos/neurosync/v1").glob("*.proto"):
        for ending in ("_pb2.py", "_pb2.pyi", "_pb2_grpc.py", "_pb2_grpc.pyi"):
            assert f"neurosync/v1/{contract.stem}{ending}" in wheel_files
    assert {"services/py.typed", "neurosync/v1/py.typed"} <= wheel_files
    assets = {
        path.relative_to(ROOT).as_posix() for path in (ROOT / "services").glob("**/assets/**/*") if path.is_file()
    }
    assert (
        {"services/face/lipsync/assets/lipsync.onnx", "services/media/takes/assets/take.html"} <= assets <= wheel_files
    )


def test_the_wheel_contains_nothing_else(wheel_files: set[str]) -> None:
    assert {name.split("/")[0] for name in wheel_files} - {"..", "services", "neurosync"} == {
        name.split("/")[0] for name in wheel_files if ".dist-info/" in name
    }
    assert not [name for name in wheel_files if name.startswith("..") and Path(name).name != "neurosync"]  # the command


def test_the_command_runs_there(machine: Path, tmp_path: Path) -> None:
    assert "Usage" in run(machine / "bin/neurosync", "--help", cwd=tmp_path)


@contextmanager
def playing(machine: Path, folder: Path, target: str) -> Iterator[subprocess.Popen[str]]:
    """Run the installed player without a sound device, sending to `target`; kill it if the block has not ended it."""
    settings = {"LISTEN": "127.0.0.1:0", "OUTPUT": "none", "TARGETS": target}
    env = environment(**{f"NEUROSYNC_PLAYER_{name}": value for name, value in settings.items()})
    command = [str(machine / "bin/python"), "-I", "-m", "services.player"]
    with subprocess.Popen(command, cwd=folder, env=env, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def line(process: subprocess.Popen[str], fragment: str) -> str:
    """Return the next line of the log with `fragment` in it."""
    assert process.stderr is not None
    seen = []
    for text in process.stderr:
        seen.append(text)
        if fragment in text:
            return text
    raise AssertionError(f"no {fragment!r} in the log:\n{''.join(seen)}")


def test_the_player_runs_there_and_ends_on_sigterm(machine: Path, tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as unreal:
        unreal.bind(("127.0.0.1", 0))
        unreal.settimeout(60)
        with playing(machine, tmp_path, f"127.0.0.1:{unreal.getsockname()[1]}") as process:
            address = line(process, "listening").rpartition("address=")[2].strip()
            line(process, "ready")
            probe = (machine / "bin/python", "-I", "-m", "services.serving.probe", address, SERVICE)
            assert run(*probe, cwd=tmp_path) == "SERVING\n"
            datagram = unreal.recv(2048)
            assert len(datagram) >= SMALLEST_DATAGRAM
            assert datagram[0] == 6  # version of the packet
            process.terminate()
            assert process.wait(timeout=60) == 0
