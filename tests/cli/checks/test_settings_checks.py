"""Checks of settings files and keys."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from services.cli.checks.check import Check, State
from services.cli.checks.settings_checks import check_keys, load_settings

SECRET = "sk-do-not-show-me"


def states(checks: Sequence[Check]) -> dict[str, State]:
    return {check.name: check.state for check in checks}


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
    assert check.found.count("neurosync.toml") <= 1, "every service finds the same fault; it is reported once"


def test_a_table_that_nothing_reads_is_noted(place: Path) -> None:
    (place / "neurosync.toml").write_text("[faces]\nlisten = 'x'")
    (place / ".env").write_text("ELEVENLABS_API_KEY=" + SECRET)
    loaded, check = load_settings()
    assert (check.state, "[faces]" in check.found) == (State.NOTE, True)
    assert states(check_keys(loaded)) == {"OPENAI_API_KEY": State.OK, "ELEVENLABS_API_KEY": State.OK}
    assert [item.found for item in check_keys(loaded)] == ["not set", "set"]
