"""The ports and names that everything deployed relies on are those of the code."""

from __future__ import annotations

import importlib
import os
import subprocess
from pathlib import Path

import pytest

from services.common.errors import ConfigurationError
from services.common.settings import load
from tests.deploy.facts import ROOT, SERVICES, TOKEN, Deployed, settings_of


@pytest.mark.parametrize("deployed", SERVICES, ids=lambda deployed: deployed.name)
def test_a_service_listens_on_its_port_at_loopback_by_default(deployed: Deployed) -> None:
    assert load(settings_of(deployed.name)).listen == f"127.0.0.1:{deployed.port}"


@pytest.mark.parametrize("deployed", SERVICES, ids=lambda deployed: deployed.name)
def test_a_service_beyond_loopback_asks_for_a_token(deployed: Deployed) -> None:
    kind = settings_of(deployed.name)
    with pytest.raises(ConfigurationError, match="set NEUROSYNC_TOKEN"):
        load(kind, listen=f"0.0.0.0:{deployed.port}")
    assert load(kind, listen=f"0.0.0.0:{deployed.port}", token=TOKEN).token is not None


@pytest.mark.parametrize("deployed", SERVICES, ids=lambda deployed: deployed.name)
def test_the_service_is_in_the_contract(deployed: Deployed) -> None:
    contract = importlib.import_module(f"neurosync.v1.{deployed.name}_pb2").DESCRIPTOR
    assert contract.package == "neurosync.v1"
    assert deployed.service in contract.services_by_name


def test_the_script_of_ci_is_what_the_workflow_calls() -> None:
    assert "bash .ci/run" in (ROOT / ".github/workflows/ci.yml").read_text()


def ci(folder: Path, makefile: str) -> subprocess.CompletedProcess[str]:
    """Run a copy of the script of CI in a folder with another Makefile."""
    (folder / ".ci").mkdir()
    (folder / ".ci/run").write_bytes((ROOT / ".ci/run").read_bytes())
    (folder / "Makefile").write_text(makefile)
    script = ["bash", str(folder / ".ci/run")]
    return subprocess.run(script, cwd="/", env={**os.environ}, capture_output=True, text=True, timeout=60, check=False)


LINE = "===== 3 passed, 1 skipped in 0.02s ====="


def test_ci_checks_then_tests_and_closes_with_the_line_of_the_tests(tmp_path: Path) -> None:
    done = ci(tmp_path, f"check:\n\t@echo checked\ntest:\n\t@echo '{LINE}'; echo after\n")
    assert done.returncode == 0, done.stderr
    assert done.stdout.index("checked") < done.stdout.index(LINE)
    assert done.stdout.splitlines()[-1] == LINE


def test_ci_fails_when_the_tests_fail(tmp_path: Path) -> None:
    done = ci(tmp_path, "check:\ntest:\n\t@echo '===== 1 failed, 2 passed in 0.02s ====='; exit 1\n")
    assert done.returncode != 0
    assert done.stdout.splitlines()[-1] == "===== 1 failed, 2 passed in 0.02s ====="


def test_ci_fails_before_the_tests_when_a_check_fails(tmp_path: Path) -> None:
    done = ci(tmp_path, f"check:\n\t@exit 1\ntest:\n\t@echo '{LINE}'\n")
    assert done.returncode != 0
    assert LINE not in done.stdout


def test_ci_fails_when_no_test_ran(tmp_path: Path) -> None:
    assert ci(tmp_path, "check:\ntest:\n").returncode != 0
