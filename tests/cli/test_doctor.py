"""`neurosync doctor` on this machine, and each check where something is wrong; devices are simulated."""

from __future__ import annotations

import shutil
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import onnxruntime
import pytest
from typer.testing import CliRunner

from services.cli.app import app
from services.cli.checks.check import Check, State
from services.cli.checks.machine_checks import check_gpu, check_sound, check_space
from services.cli.checks.model_checks import check_face_model, check_installed, check_language_model, check_voice
from services.cli.checks.port_checks import check_ports
from services.cli.checks.settings_checks import check_keys, load_settings
from services.cli.checks.target_checks import check_targets
from services.cli.commands import doctor
from services.cli.processes.service_process import ServiceProcess
from services.common.settings import load
from services.face.server import FaceService
from services.face.settings import FaceSettings
from services.llm.settings import LanguageModelSettings
from services.serving.server import running
from services.tts.settings import SpeechSettings
from tests.cli.conftest import Run

SECRET = "sk-do-not-show-me"


def states(checks: Sequence[Check]) -> dict[str, State]:
    return {check.name: check.state for check in checks}


async def test_a_whole_examination_for_scripts_says_what_up_would_meet(neurosync: Run) -> None:
    result = await neurosync(
        "doctor", "--json", OPENAI_API_KEY=SECRET, NEUROSYNC_PLAYER_TARGETS="127.0.0.1:1,localhost:2"
    )
    table = result.json
    found = {check["name"]: check for check in table["checks"]}
    problems = [check for check in table["checks"] if check["state"] == "problem"]
    assert (result.status, table["ok"]) == ((1, False) if problems else (0, True))
    assert found["settings"]["found"] == "no .env and no neurosync.toml here: defaults"
    assert found["OPENAI_API_KEY"]["found"] == "set"
    assert found["ELEVENLABS_API_KEY"]["found"] == "not set"
    assert {f"port {port}" for port in range(50050, 50055)} < set(found)
    assert {"Python", "sound", "GPU", "voice", "face model", "language model", "space"} < set(found)
    assert {"UDP 127.0.0.1:1", "UDP localhost:2"} < set(found)
    assert all(check["advice"] for check in table["checks"] if check["state"] != "ok")
    assert SECRET not in result.out + result.err


def test_the_table_names_each_check_its_state_and_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    async def examine() -> list[Check]:
        return [Check("air", State.OK, "there"), Check("extra", State.PROBLEM, "gone", 'pip install "neurosync[face]"')]

    monkeypatch.setattr(doctor, "examine", examine)
    result = CliRunner().invoke(app, ["doctor"])
    assert result.exit_code == 1
    rows = [row.split() for row in result.stdout.splitlines()]
    assert ["ok", "air", "there"] in rows
    assert ["problem", "extra", "gone", "pip", "install", '"neurosync[face]"'] in rows
    assert "1 problem: `neurosync up` will not work" in result.stdout


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[player\nlisten = 1", "neurosync.toml: "),
        ("[face]\nlisten = 'everywhere'", "settings of face: listen: expected HOST:PORT, got 'everywhere'"),
        ("[tts]\nvoice = 'x'", "[tts] has no setting 'voice'"),
        ("[client]\nfaces = 'x'", "[client] has no setting 'faces'"),
    ],
)
def test_a_wrong_settings_file_is_a_problem_that_names_the_place(text: str, reason: str, place: Path) -> None:
    (place / "neurosync.toml").write_text(text)
    _, check = load_settings()
    assert check.state is State.PROBLEM
    assert reason in check.found
    assert check.found.count("neurosync.toml") <= 1, "every service finds the same fault; it is told once"


async def test_with_wrong_settings_everything_else_is_still_examined(neurosync: Run, place: Path) -> None:
    (place / "neurosync.toml").write_text("this is no TOML")
    result = await neurosync("doctor", "--json")
    assert result.status == 1
    assert {check["name"] for check in result.json["checks"]} > {
        "settings",
        "sound",
        "port 50054",
        "UDP 127.0.0.1:11111",
    }


def test_a_table_that_nothing_reads_is_noted(place: Path) -> None:
    (place / "neurosync.toml").write_text("[faces]\nlisten = 'x'")
    (place / ".env").write_text("ELEVENLABS_API_KEY=" + SECRET)
    loaded, check = load_settings()
    assert (check.state, "[faces]" in check.found) == (State.NOTE, True)
    assert states(check_keys(loaded)) == {"OPENAI_API_KEY": State.OK, "ELEVENLABS_API_KEY": State.OK}
    assert [item.found for item in check_keys(loaded)] == ["not set", "set"]


def test_a_service_that_cannot_be_imported_is_a_problem_with_its_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "services.face.server", None)
    monkeypatch.setitem(sys.modules, "elevenlabs", None)
    found = {check.name: check for check in check_installed()}
    assert found["face installed"].state is State.PROBLEM
    assert found["face installed"].advice == 'pip install "neurosync[face]"'
    assert (found["tts installed"].state, found["tts installed"].found) == (State.NOTE, "without elevenlabs")
    assert found["llm installed"].state is State.OK


@pytest.mark.parametrize(
    ("settings", "runtime", "state"),
    [
        ({"provider": "openai"}, True, State.PROBLEM),
        ({"provider": "openai", "openai_api_key": SECRET}, True, State.OK),
        ({"provider": "openai", "openai_api_key": SECRET}, False, State.NOTE),
        ({"provider": "local", "openai_api_key": SECRET}, False, State.PROBLEM),
        ({"provider": "local", "base_url": "http://127.0.0.1:8000/v1"}, False, State.NOTE),
        ({}, False, State.PROBLEM),
    ],
)
def test_a_language_model_is_a_key_an_endpoint_or_the_embedded_one(
    settings: dict[str, str], runtime: bool, state: State, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (place / "own.gguf").touch()
    if not runtime:
        monkeypatch.setitem(sys.modules, "xllamacpp", None)
    check = check_language_model(load(LanguageModelSettings, embedded_weights=place / "own.gguf", **settings))
    assert check.state is state
    assert SECRET not in check.found + check.advice


def test_weights_that_are_not_there_are_a_problem(place: Path) -> None:
    check = check_language_model(load(LanguageModelSettings, embedded_weights=place / "gone.gguf"))
    assert check.state is State.PROBLEM
    assert "gone.gguf" in check.found


def test_a_voice_is_the_embedded_one_or_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    key = load(SpeechSettings, elevenlabs_api_key=SECRET)
    assert check_voice(load(SpeechSettings)).state is State.OK
    assert check_voice(key).found.startswith("elevenlabs, hibari")
    monkeypatch.setitem(sys.modules, "hibari", None)
    assert check_voice(key).state is State.NOTE
    assert check_voice(load(SpeechSettings)).state is State.PROBLEM
    assert check_voice(load(SpeechSettings, elevenlabs_api_key=SECRET, provider="hibari")).state is State.PROBLEM


def test_a_missing_face_model_is_a_problem() -> None:
    assert check_face_model(None).state is State.OK
    check = check_face_model(load(FaceSettings, model="grand"))
    assert (check.state, check.found) == (State.PROBLEM, "no model 'grand'")


def sound_library(devices: list[dict[str, object]], default: int) -> SimpleNamespace:
    """What `sounddevice` tells of such devices."""
    return SimpleNamespace(
        query_devices=lambda: devices, default=SimpleNamespace(device=(-1, default)), PortAudioError=RuntimeError
    )


def test_devices_are_named_and_a_device_that_is_not_there_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    microphone = {"index": 0, "name": "Microphone", "max_output_channels": 0}
    speakers = {"index": 1, "name": "Speakers", "max_output_channels": 2}
    monkeypatch.setitem(sys.modules, "sounddevice", sound_library([microphone, speakers], 1))
    assert check_sound("auto") == Check("sound", State.OK, "1 output devices, default Speakers")
    assert check_sound("Speakers").state is check_sound("1").state is State.OK
    assert check_sound("none").state is State.NOTE
    written = check_sound("file:/takes/heard.wav")
    assert (written.state, written.found) == (State.NOTE, "the player writes its sound to /takes/heard.wav")
    absent = check_sound("Microphone")
    assert (absent.state, "1 Speakers" in absent.advice) == (State.PROBLEM, True)
    of_one = check_sound("Microphone", "Bob")
    assert (of_one.name, of_one.state, of_one.found) == ("sound of Bob", absent.state, absent.found)
    assert of_one.advice == "set NEUROSYNC_PLAYER_OUTPUTS to auto or one of: 1 Speakers"
    monkeypatch.setitem(sys.modules, "sounddevice", sound_library([microphone], -1))
    assert check_sound("auto").state is State.NOTE
    assert "a clock paces the player" in check_sound("auto").advice


def test_without_portaudio_the_remedy_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "sounddevice.py").write_text("raise OSError('PortAudio library not found')")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "sounddevice", raising=False)
    check = check_sound("auto")
    assert (check.state, check.found) == (State.NOTE, "no sound library: PortAudio library not found")
    assert "PortAudio" in check.advice
    assert check_sound("Speakers").state is State.PROBLEM


def test_cuda_that_is_wanted_and_not_there_is_a_problem() -> None:
    there = "CUDAExecutionProvider" in onnxruntime.get_available_providers()
    assert (check_gpu("cuda").state is State.PROBLEM) is not there
    assert check_gpu("cpu").state is not State.PROBLEM


def test_little_space_is_noted_also_for_a_folder_that_is_not_there_yet(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=30e6 if path == tmp_path else 0))
    check = check_space(tmp_path / "takes" / "today")
    assert (check.state, "about 2 minutes" in check.found) == (State.NOTE, True)


async def test_a_port_is_free_or_ours_or_taken() -> None:
    settings = load(FaceSettings, listen="127.0.0.1:0")
    with socket.socket() as stranger, socket.socket() as nobody:
        stranger.bind(("127.0.0.1", 0))
        stranger.listen()
        nobody.bind(("127.0.0.1", 0))  # bound and not listening: nobody answers, and nobody takes it meanwhile
        async with running(FaceService(settings), settings) as server:
            await server.warm
            ours = ServiceProcess("face", int(server.address.rpartition(":")[2]), FaceService.name)
            taken = ServiceProcess("tts", stranger.getsockname()[1], "neurosync.v1.SpeechService")
            free = ServiceProcess("llm", nobody.getsockname()[1], "neurosync.v1.LanguageModelService")
            checks = await check_ports([ours, taken, free])
    assert [check.state for check in checks] == [State.OK, State.PROBLEM, State.OK]
    assert "the face of NeuroSync answers" in checks[0].found
    assert "taken by something that is no ready tts" in checks[1].found
    assert checks[2].found == "free for llm"


def test_a_target_of_the_face_is_heard_or_not_or_elsewhere_or_wrong() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as unreal:
        unreal.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as Unreal does, on all addresses
        unreal.bind(("0.0.0.0", 0))
        port = unreal.getsockname()[1]
        heard = check_targets([f"127.0.0.1:{port}"])
    unheard = check_targets([f"127.0.0.1:{port}"])
    others = check_targets(["192.0.2.7", "no such host"])
    assert [check.state for check in (*heard, *unheard, others[1])] == [State.OK, State.NOTE, State.PROBLEM]
    assert others[0].state is not State.PROBLEM  # out of sight, or out of reach
    assert "somebody listens" in heard[0].found
    assert "neurosync monitor" in unheard[0].advice
    assert others[0].name == "UDP 192.0.2.7:11111"
