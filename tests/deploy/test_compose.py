"""The Compose files: the containers follow the same rules as in the cluster."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from tests.deploy.facts import BY_NAME, ROOT, TOKEN, start_with

COMPOSE = yaml.safe_load((ROOT / "deploy/compose.yaml").read_text())
GPU = yaml.safe_load((ROOT / "deploy/compose.gpu.yaml").read_text())
VARIABLE = re.compile(r"\$\{(?P<name>\w+)(?::(?P<how>[-?])(?P<text>[^}]*))?\}")


def environment(name: str, definition: dict[str, Any], **host: str) -> dict[str, str]:
    """Return the environment of a container with its variables replaced as by Compose; fail where Compose would."""

    def value(match: re.Match[str]) -> str:
        if given := host.get(match["name"]):
            return given
        assert match["how"] == "-", f"{name}: {match['name']}: {match['text']}"
        return match["text"]

    seen = {key: host.get(key) if text is None else VARIABLE.sub(value, text) for key, text in definition.items()}
    image = (ROOT / f"deploy/docker/{name}.Dockerfile").read_text()
    listen = dict(re.findall(r"(NEUROSYNC_\w+_LISTEN)=(\S+)", image))
    return listen | {key: text for key, text in seen.items() if text is not None}


@pytest.fixture(params=BY_NAME)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def service(name: str) -> dict[str, Any]:
    found: dict[str, Any] = COMPOSE["services"][name]
    return found


def test_the_stack_is_complete() -> None:
    assert set(COMPOSE["services"]) == set(BY_NAME)
    assert set(GPU["services"]) <= set(BY_NAME)


def test_a_port_is_published_at_loopback_only(service: dict[str, Any], name: str) -> None:
    port = BY_NAME[name].port
    assert set(service.get("ports", [])) <= {f"127.0.0.1:{port}:{port}"}
    assert "network_mode" not in service


def test_every_container_is_locked_down(service: dict[str, Any]) -> None:
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["pids_limit"] > 0
    assert "mem_limit" in service
    assert all(mount.startswith("/tmp:size=") for mount in service["tmpfs"])
    assert not {"privileged", "cap_add", "user", "volumes", "devices", "pid", "ipc"} & set(service)


def test_every_container_is_built_from_its_dockerfile(service: dict[str, Any], name: str) -> None:
    build = service["build"]
    assert (ROOT / "deploy" / build["context"]).resolve() == ROOT
    assert build["dockerfile"] == f"deploy/docker/{name}.Dockerfile"


def test_no_container_starts_without_a_token(service: dict[str, Any], name: str) -> None:
    with pytest.raises(AssertionError, match="NEUROSYNC_TOKEN"):
        environment(name, service["environment"])


@pytest.mark.parametrize("gpu", [False, True], ids=["cpu", "gpu"])
def test_every_server_starts_with_its_environment(
    service: dict[str, Any], name: str, gpu: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    more = GPU["services"].get(name, {}).get("environment", {}) if gpu else {}
    given = environment(name, service["environment"] | more, NEUROSYNC_TOKEN=TOKEN)
    assert start_with(name, given, monkeypatch).listen == f"0.0.0.0:{BY_NAME[name].port}"


@pytest.mark.parametrize(
    ("name", "key"), [("llm", "OPENAI_API_KEY"), ("tts", "ELEVENLABS_API_KEY")], ids=["llm", "tts"]
)
def test_the_key_of_a_provider_is_passed_on_where_it_is_set(
    name: str, key: str, service: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    given = environment(name, service["environment"], NEUROSYNC_TOKEN=TOKEN, **{key: "a-key"})
    assert given[key] == "a-key"
    settings = start_with(name, given, monkeypatch)
    secrets = [getattr(settings, field) for field in type(settings).model_fields if field.endswith("api_key")]
    assert "a-key" in [secret.get_secret_value() for secret in secrets if secret is not None]


def test_the_orchestrator_dials_the_others_and_waits_for_them() -> None:
    orchestrator = COMPOSE["services"]["orchestrator"]
    others = set(BY_NAME) - {"orchestrator"}
    for other in others:
        address = orchestrator["environment"][f"NEUROSYNC_ORCHESTRATOR_{other.upper()}"]
        assert address == f"{other}:{BY_NAME[other].port}"
        assert set(COMPOSE["services"][other]["networks"]) & set(orchestrator["networks"])
        assert orchestrator["depends_on"][other] == {"condition": "service_healthy"}


def test_the_face_cannot_reach_the_internet() -> None:
    assert COMPOSE["services"]["face"]["networks"] == ["internal"]
    assert COMPOSE["networks"]["internal"] == {"internal": True}


def test_only_the_face_gets_the_gpu() -> None:
    assert list(GPU["services"]) == ["face"]
    (device,) = GPU["services"]["face"]["deploy"]["resources"]["reservations"]["devices"]
    assert device == {"driver": "nvidia", "count": 1, "capabilities": ["gpu"]}
    dockerfile = (ROOT / "deploy/docker/face.Dockerfile").read_text()
    assert all(f"ARG {argument}=" in dockerfile for argument in GPU["services"]["face"]["build"]["args"])
