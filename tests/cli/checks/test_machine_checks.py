"""Checks of sound, graphics processor and disk; devices are simulated."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from types import SimpleNamespace

import onnxruntime
import pytest

from services.cli.checks.check import Check, State
from services.cli.checks.machine_checks import check_gpu, check_sound, check_space, check_timing


def sound_library(devices: list[dict[str, object]], default: int) -> SimpleNamespace:
    """What `sounddevice` returns for such devices."""
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


def test_without_portaudio_the_remedy_is_reported(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
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


def test_the_timing_of_this_machine_is_reported() -> None:
    check = check_timing()
    assert check.state is State.OK
    assert check.found
