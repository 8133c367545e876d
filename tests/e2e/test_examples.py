"""The examples, and the program in docs/contracts.md, run against the real processes."""

from __future__ import annotations

import re
import subprocess
import sys

from tests.e2e.conftest import ROOT, RunningStack


def run(stack: RunningStack, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments], env=stack.environment, capture_output=True, text=True, timeout=90, check=False
    )


def test_the_smallest_client_prints_a_reply(stack: RunningStack) -> None:
    done = run(stack, str(ROOT / "examples" / "ask.py"), "Who are you?")
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()


def test_the_program_of_the_page_on_contracts_works(stack: RunningStack) -> None:
    page = (ROOT / "docs" / "contracts.md").read_text(encoding="utf-8")
    (program,) = re.findall(r"(?s)```python\n(.*?)```", page)
    done = run(stack, "-c", program.replace("127.0.0.1:50050", stack.addresses["orchestrator"]))
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["Hello.", "I", "am", "Ada.", "TURN_OUTCOME_COMPLETED"]
