"""The examples, run against the real processes."""

from __future__ import annotations

import subprocess
import sys

from tests.e2e.conftest import ROOT, RunningStack


def test_the_smallest_client_prints_a_reply(stack: RunningStack) -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "examples" / "ask.py"), "Who are you?"],
        env=stack.environment,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()
