"""`neurosync doctor`: checks everything that NeuroSync needs, with advice on what is missing."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import logging
from collections.abc import Sequence
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from services.cli.checks.arrival_checks import check_arrivals
from services.cli.checks.character_checks import check_characters
from services.cli.checks.check import Check, State
from services.cli.checks.machine_checks import check_gpu, check_python, check_sound, check_space, check_timing
from services.cli.checks.model_checks import check_face_model, check_installed, check_language_model, check_voice
from services.cli.checks.player_checks import check_player
from services.cli.checks.port_checks import check_ports
from services.cli.checks.settings_checks import check_keys, load_settings
from services.cli.checks.target_checks import DEFAULT_TARGETS, check_targets
from services.cli.main import app, run
from services.cli.processes.process_health import is_healthy
from services.cli.processes.service_process import service_named
from services.cli.settings import ClientSettings
from services.common.errors import ConfigurationError
from services.common.settings import load
from services.serving.dialing import credentials, dial

_STYLES = {State.OK: "green", State.NOTE: "yellow", State.PROBLEM: "bold red"}
_PLAIN_WIDTH = 160  # columns where the output is no terminal


@app.command()
def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of a table.")] = False,
) -> None:
    """Check what NeuroSync needs on this machine, and the way to Unreal, with advice on each problem.

    ok: fine. note: worth knowing, everything works. problem: `neurosync up` would not work.

    Exit status: 1 if there is a problem, else 0. Keys are never shown.
    """
    run(_doctor(as_json=as_json))


async def _doctor(*, as_json: bool) -> int:
    logging.disable()  # the checks report what a service would log
    try:
        checks = await examine()
    finally:
        logging.disable(logging.NOTSET)
    problems = sum(check.state is State.PROBLEM for check in checks)
    if as_json:
        typer.echo(json.dumps({"ok": not problems, "checks": [dataclasses.asdict(check) for check in checks]}))
    else:
        _show(checks, problems)
    return 1 if problems else 0


async def examine() -> list[Check]:
    """Return all checks of this machine."""
    loaded, settings = load_settings()
    face, player = loaded.get("face"), loaded.get("player")
    targets = getattr(player, "targets", DEFAULT_TARGETS)
    try:
        client = load(ClientSettings)
    except ConfigurationError:  # the check of the settings reports it
        client = ClientSettings.model_construct()
    return [
        check_python(),
        settings,
        *check_installed(),
        check_language_model(loaded.get("llm")),
        check_voice(loaded.get("tts")),
        check_face_model(face),
        *check_keys(loaded),
        await asyncio.to_thread(check_sound, getattr(player, "output", "auto")),
        *[
            await asyncio.to_thread(check_sound, output, subject)
            for subject, output in getattr(player, "outputs", {}).items()
        ],
        await asyncio.to_thread(check_gpu, getattr(face, "provider", "cpu")),
        *await check_ports(),
        check_characters(getattr(player, "subjects", ())),
        *await asyncio.to_thread(check_targets, targets),
        *await check_arrivals(targets),
        *await _check_running_player(client, targets),
        check_timing(),
        check_space(client.takes),
    ]


async def _check_running_player(client: ClientSettings, targets: Sequence[str]) -> list[Check]:
    """Check the player, if one runs at the address of the client settings; not over TLS."""
    if client.tls_authority is not None or not await is_healthy(client.player, service_named("player").service):
        return []
    metadata = credentials(client.token.get_secret_value() if client.token else None)
    async with dial(client.player) as channel:
        return await check_player(channel, metadata, targets)


def _show(checks: Sequence[Check], problems: int) -> None:
    console = Console()
    if not console.is_terminal:
        console.width = _PLAIN_WIDTH
    table = Table("", "check", "found", "what to do", box=None, padding=(0, 2, 0, 0))
    for check in checks:
        style = _STYLES[check.state]
        table.add_row(Text(check.state, style=style), Text(check.name), Text(check.found), Text(check.advice))
    console.print(table)
    if problems:
        console.print(Text(f"\n{problems} {'problem' if problems == 1 else 'problems'}: `neurosync up` will not work"))
    else:
        console.print(Text("\nready: `neurosync up` will work"))
