"""A conversation at the terminal."""

from __future__ import annotations

import subprocess
import sys

from tests.e2e.conftest import ROOT, RunningStack

LONG = "One two three four five six seven eight nine ten eleven twelve thirteen fourteen. " * 3


def talk(stack: RunningStack, lines: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "services.cli", "chat"],
        input=lines,
        env=stack.environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )


def test_enter_while_it_speaks_interrupts_and_the_conversation_goes_on(stack: RunningStack) -> None:
    done = talk(stack, f"/say {LONG}\n\n/history\n/quit\n")
    assert done.returncode == 0, done.stderr
    assert "interrupted after" in done.stdout
    assert "there is no" not in done.stderr


def test_commands_that_do_not_exist_are_named(stack: RunningStack) -> None:
    done = talk(stack, "/dance\n/help\n/clear\n")
    assert done.returncode == 0, done.stderr
    assert "there is no /dance" in done.stderr
    assert "/say TEXT" in done.stderr
    assert "cleared 0 turns" in done.stderr
