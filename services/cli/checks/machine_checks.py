"""Checks of this machine: Python, sound, graphics processor, timing, and disk space for takes."""

from __future__ import annotations

import contextlib
import importlib
import importlib.metadata
import importlib.util
import os
import platform
import shutil
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

from services.cli.checks.check import Check, State

TAKE_BYTES_PER_MINUTE = 15_000_000  # sound at 24 kHz 3 MB, frames as CSV 3 MB, the page with both inside it the rest
SPARE_MINUTES = 60  # of takes that there should be space for; more warns earlier
_OUTPUT = "NEUROSYNC_PLAYER_OUTPUT"
_GPU_SECONDS = 5.0  # for nvidia-smi, which may take two where the driver sleeps


def check_python() -> Check:
    """Report the versions of NeuroSync, Python and the system."""
    system = f"{platform.system()} {platform.release()} {platform.machine()}"
    found = f"NeuroSync {importlib.metadata.version('neurosync')}, Python {platform.python_version()}, {system}"
    return Check("Python", State.OK, found)


def check_sound(output: str, character: str = "") -> Check:
    """Check that there is a device to play on.

    Args:
        output: The player's setting: `auto`, `none`, the name or index of a device, or `file:` and a path.
        character: Who has this output; empty for all that have none of their own.
    """
    name, setting = (f"sound of {character}", f"{_OUTPUT}S") if character else ("sound", _OUTPUT)
    if output.startswith("file:"):
        found = f"the player writes its sound to {output.removeprefix('file:')}"
        return Check(name, State.NOTE, found, f"unset {setting} to hear it")
    if output == "none":
        return Check(name, State.NOTE, "the player's output is set to none", f"unset {setting} to hear it")
    named = output != "auto"  # a player does not start without the device that its settings name
    state, otherwise = (State.PROBLEM, "") if named else (State.NOTE, "; without it a clock paces the player, unheard")
    try:
        sounddevice: Any = importlib.import_module("sounddevice")
        devices = [device for device in sounddevice.query_devices() if device["max_output_channels"] > 0]
    except ImportError:
        return Check(name, state, "sounddevice is not installed", f'pip install "neurosync[player]"{otherwise}')
    except OSError as error:
        remedy = {
            "Linux": "install PortAudio: sudo apt-get install libportaudio2 (Debian, Ubuntu)",
            "Darwin": "install PortAudio: brew install portaudio",
        }.get(platform.system(), "reinstall sounddevice, which brings PortAudio")
        return Check(name, state, f"no sound library: {error}", remedy + otherwise)
    except sounddevice.PortAudioError as error:
        return Check(name, state, f"the sound library fails: {error}", "is a sound server running?" + otherwise)
    names = ", ".join(f"{device['index']} {device['name']}" for device in devices)
    if named and not any(output in {str(device["index"]), device["name"]} for device in devices):
        return Check(name, state, f"no output device {output!r}", f"set {setting} to auto or one of: {names}")
    default = next((device["name"] for device in devices if device["index"] == sounddevice.default.device[1]), None)
    if not named and default is None:
        return Check(name, state, "no output device", "plug one in, or start a sound server" + otherwise)
    return Check(name, State.OK, f"{len(devices)} output devices, {output if named else f'default {default}'}")


def check_gpu(provider: str) -> Check:
    """Report what the face model can run on.

    Args:
        provider: The face's setting, `cpu` or `cuda`.
    """
    try:
        runtime: Any = importlib.import_module("onnxruntime")
        providers = [name.removesuffix("ExecutionProvider") for name in runtime.get_available_providers()]
    except ImportError:
        providers = []
    torch = "not installed"
    with contextlib.suppress(
        importlib.metadata.PackageNotFoundError
    ):  # asked for its version, not imported: that takes seconds
        torch = importlib.metadata.version("torch")
    card = _nvidia_card()
    found = f"{card or 'no NVIDIA GPU'}; ONNX Runtime on {', '.join(providers) or 'nothing'}; torch {torch}"
    if provider == "cuda" and "CUDA" not in providers:
        return Check("GPU", State.PROBLEM, found, "pip install onnxruntime-gpu, or set NEUROSYNC_FACE_PROVIDER=cpu")
    if card and "CUDA" not in providers:
        advice = "nothing: the shipped face model runs many streams on the CPU; onnxruntime-gpu would use the card"
        return Check("GPU", State.NOTE, found, advice)
    return Check("GPU", State.OK, found)


def check_timing() -> Check:
    """Check whether the player's thread can be on time on a busy machine."""
    if sys.platform == "win32":
        found = "the player sets Windows' timer to 1 ms"
        advice = "nothing; if frames come late while Unreal is in front, see docs/unreal.md"
        return Check("timing", State.OK, found, advice)
    if sys.platform != "linux":
        return Check("timing", State.OK, "the system's own timers")
    if _may_be_realtime():
        return Check("timing", State.OK, "real-time priority is allowed")
    advice = "nothing on an idle machine; else allow rtprio 20 in /etc/security/limits.d, and log in again"
    return Check("timing", State.OK, "no real-time priority: a busy machine may send frames late", advice)


def check_space(takes: Path) -> Check:
    """Check the disk space for takes in the folder `takes`, which need not exist."""
    folder = next(path for path in (takes.absolute(), *takes.absolute().parents) if path.exists())
    free = shutil.disk_usage(folder).free
    minutes = free / TAKE_BYTES_PER_MINUTE
    found = f"{free / 1e9:.1f} GB free in {folder}, about {minutes:.0f} minutes of takes"
    if minutes < SPARE_MINUTES:
        return Check("space", State.NOTE, found, "free some space, or set NEUROSYNC_CLIENT_TAKES to a folder elsewhere")
    return Check("space", State.OK, found)


def installed(module: str) -> bool:
    """Return whether a top-level module can be found; it is not imported."""
    try:
        return importlib.util.find_spec(module) is not None
    except (ImportError, ValueError):
        return False


def _nvidia_card() -> str:
    """Return the name of the first NVIDIA card; empty if there is none."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return ""
    command = [program, "--query-gpu=name,memory.total", "--format=csv,noheader"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=_GPU_SECONDS, check=True)  # noqa: S603
    except (OSError, subprocess.SubprocessError):
        return ""
    return answer.stdout.strip().partition("\n")[0]


def _may_be_realtime() -> bool:
    """Return whether a thread of this user may ask for real-time scheduling; one tries, and ends."""
    allowed = False

    def attempt() -> None:
        nonlocal allowed
        try:
            os.sched_setscheduler(0, os.SCHED_FIFO | os.SCHED_RESET_ON_FORK, os.sched_param(1))
        except OSError:
            return
        allowed = True

    thread = threading.Thread(target=attempt, name="try real-time priority")
    thread.start()
    thread.join()
    return allowed
