"""`neurosync doctor` on this machine."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from services.cli.app import app
from services.cli.checks.check import Check, State
from services.cli.commands import doctor
from tests.cli.conftest import Run

SECRET = "sk-do-not-show-me"


async def test_a_whole_examination_for_scripts_lists_what_up_would_meet(neurosync: Run) -> None:
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
