"""Checks of the ports of the services."""

from __future__ import annotations

import socket

from services.cli.checks.check import State
from services.cli.checks.port_checks import check_ports
from services.cli.processes.service_process import ServiceProcess
from services.common.settings import load
from services.face.server import FaceService
from services.face.settings import FaceSettings
from services.serving.server import running


async def test_a_port_is_free_or_ours_or_taken() -> None:
    settings = load(FaceSettings, listen="127.0.0.1:0")
    with socket.socket() as other, socket.socket() as unused:
        other.bind(("127.0.0.1", 0))
        other.listen()
        unused.bind(("127.0.0.1", 0))  # bound and not listening: free, and no other program takes it meanwhile
        async with running(FaceService(settings), settings) as server:
            await server.warm
            ours = ServiceProcess("face", int(server.address.rpartition(":")[2]), FaceService.name)
            taken = ServiceProcess("tts", other.getsockname()[1], "neurosync.v1.SpeechService")
            free = ServiceProcess("llm", unused.getsockname()[1], "neurosync.v1.LanguageModelService")
            checks = await check_ports([ours, taken, free])
    assert [check.state for check in checks] == [State.OK, State.PROBLEM, State.OK]
    assert "the face of NeuroSync answers" in checks[0].found
    assert "taken by something that is no ready tts" in checks[1].found
    assert checks[2].found == "free for llm"
