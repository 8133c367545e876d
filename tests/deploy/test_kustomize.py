"""The rendered Kubernetes manifests: valid by the schemas, and in keeping with the rules of `docs/deploy.md`."""

from __future__ import annotations

import tomllib
from typing import Any, NamedTuple

import kubernetes_validate
import pytest
import yaml

from tests.deploy.facts import BY_NAME, ROOT, TOKEN, start_with
from tests.deploy.rendering import DEPLOYED, KUSTOMIZE, STAGES, Object, of, rendered

PODS = [(folder, name) for folder, names in DEPLOYED.items() for name in names]
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
KUBERNETES = "1.37"
PRE_STOP_SECONDS, GRACE_SECONDS, TERMINATION_SECONDS = 10, 60, 90


class Pod(NamedTuple):
    """The pod of a Deployment."""

    folder: str
    name: str
    deployment: Object

    @property
    def spec(self) -> Object:
        spec: Object = self.deployment["spec"]["template"]["spec"]
        return spec

    @property
    def container(self) -> Object:
        container: Object
        (container,) = self.spec["containers"]
        return container

    @property
    def environment(self) -> dict[str, str]:
        return {item["name"]: item["value"] for item in self.container["env"] if "value" in item}


@pytest.fixture(params=PODS, ids="-".join)
def pod(request: pytest.FixtureRequest) -> Pod:
    folder, name = request.param
    return Pod(folder, name, of(folder, "Deployment")[name])


def test_every_kustomization_is_rendered_by_a_test() -> None:
    roots = {path.parent.relative_to(KUSTOMIZE).as_posix() for path in KUSTOMIZE.rglob("kustomization.yaml")}
    assert {root for root in roots if not root.startswith("components/")} == set(DEPLOYED)
    sources = "".join(path.read_text() for path in KUSTOMIZE.rglob("kustomization.yaml"))
    assert all(f"../{root}" in sources or f"../{root.split('/')[-1]}" in sources for root in roots - set(DEPLOYED))


@pytest.mark.parametrize("path", sorted(KUSTOMIZE.glob("*/*.yaml")) + sorted(KUSTOMIZE.glob("components/*/*.yaml")))
def test_every_file_is_valid_by_itself(path: Any) -> None:
    for item in yaml.safe_load_all(path.read_text()):
        if item["kind"] not in {"Kustomization", "Component"} and path.parent.name != "hardened":
            complete = item | {"metadata": item["metadata"] | {"namespace": "neurosync"}}
            kubernetes_validate.validate(complete, KUBERNETES, strict=True)


def test_every_rendered_object_is_valid(folder: str) -> None:
    for item in rendered(folder):
        kubernetes_validate.validate(item, KUBERNETES, strict=True)


def test_each_folder_deploys_its_services(folder: str) -> None:
    assert set(of(folder, "Deployment")) == set(DEPLOYED[folder])


def test_every_container_is_locked_down(pod: Pod) -> None:
    inner, outer = pod.container["securityContext"], pod.spec["securityContext"]
    assert outer["runAsNonRoot"] is True
    assert outer["runAsUser"] > 9999
    assert outer["seccompProfile"] == {"type": "RuntimeDefault"}
    assert inner["allowPrivilegeEscalation"] is False
    assert inner["readOnlyRootFilesystem"] is True
    assert inner["capabilities"] == {"drop": ["ALL"]}
    assert not {"privileged", "runAsUser", "runAsNonRoot"} & set(inner)
    assert not {"hostNetwork", "hostPID", "hostIPC", "initContainers"} & set(pod.spec)
    (mount,) = pod.container["volumeMounts"]
    (volume,) = pod.spec["volumes"]
    assert (mount["name"], mount["mountPath"]) == (volume["name"], "/tmp")
    assert "sizeLimit" in volume["emptyDir"]


def test_no_pod_has_a_service_account_token(pod: Pod) -> None:
    account = of(pod.folder, "ServiceAccount")[pod.name]
    assert pod.spec["serviceAccountName"] == account["metadata"]["name"]
    assert pod.spec["automountServiceAccountToken"] is False
    assert account["automountServiceAccountToken"] is False


def test_probes_check_the_service_and_liveness_the_process(pod: Pod) -> None:
    port, service = BY_NAME[pod.name].port, f"neurosync.v1.{BY_NAME[pod.name].service}"
    probes = {name: pod.container[f"{name}Probe"] for name in ("startup", "readiness", "liveness")}
    assert {name: probe["grpc"] for name, probe in probes.items()} == {
        "startup": {"port": port, "service": service},
        "readiness": {"port": port, "service": service},
        "liveness": {"port": port, "service": ""},
    }
    assert all(probe["timeoutSeconds"] <= probe["periodSeconds"] for probe in probes.values())


def test_every_container_has_requests_and_limits(pod: Pod) -> None:
    resources = pod.container["resources"]
    assert {"cpu", "memory", "ephemeral-storage"} <= set(resources["requests"])
    assert {"memory", "ephemeral-storage"} <= set(resources["limits"])
    assert "cpu" not in resources["limits"]  # throttling is audible


def test_every_server_starts_with_the_settings_of_its_pod(pod: Pod, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = start_with(pod.name, pod.environment | {"NEUROSYNC_TOKEN": TOKEN}, monkeypatch)
    assert settings.listen == f"0.0.0.0:{BY_NAME[pod.name].port}"
    assert settings.max_connection_age == 300
    assert settings.shutdown_grace == GRACE_SECONDS


def test_the_termination_grace_covers_draining(pod: Pod) -> None:
    assert pod.container["lifecycle"]["preStop"]["sleep"]["seconds"] == PRE_STOP_SECONDS
    assert pod.spec["terminationGracePeriodSeconds"] == TERMINATION_SECONDS
    assert int(pod.environment[f"NEUROSYNC_{pod.name.upper()}_SHUTDOWN_GRACE"]) == GRACE_SECONDS
    assert PRE_STOP_SECONDS + GRACE_SECONDS < TERMINATION_SECONDS


def test_the_token_comes_from_a_secret_that_no_file_contains(pod: Pod) -> None:
    (token,) = (item for item in pod.container["env"] if item["name"] == "NEUROSYNC_TOKEN")
    assert token == {
        "name": "NEUROSYNC_TOKEN",
        "valueFrom": {"secretKeyRef": {"name": "neurosync-token", "key": "token"}},
    }
    assert not of(pod.folder, "Secret")
    assert not any("KEY" in name or "TOKEN" in name for name in pod.environment)
    assert not any("secretGenerator" in path.read_text() for path in KUSTOMIZE.rglob("*.yaml"))


def test_images_have_the_version_of_the_distribution(pod: Pod) -> None:
    name, _, tag = pod.container["image"].partition(":")
    assert name == f"neurosync-{pod.name}"
    assert tag in {VERSION, f"{VERSION}-cuda"}


def test_pods_are_spread_and_not_evicted_all_at_once(pod: Pod) -> None:
    (spread,) = pod.spec["topologySpreadConstraints"]
    assert spread["topologyKey"] == "kubernetes.io/hostname"
    assert spread["matchLabelKeys"] == ["app.kubernetes.io/name"]
    labels = pod.deployment["spec"]["template"]["metadata"]["labels"]
    assert spread["labelSelector"]["matchLabels"].items() <= labels.items()
    budget = of(pod.folder, "PodDisruptionBudget")[pod.name]["spec"]
    assert budget["maxUnavailable"] == 1
    assert budget["selector"] == pod.deployment["spec"]["selector"]
    assert budget["selector"]["matchLabels"].items() <= labels.items()


def test_services_are_headless_and_select_their_pods(pod: Pod) -> None:
    spec = of(pod.folder, "Service")[pod.name]["spec"]
    assert spec["clusterIP"] == "None"
    assert spec["selector"] == pod.deployment["spec"]["selector"]["matchLabels"]
    (port,) = spec["ports"]
    assert (port["name"], port["port"]) == ("grpc", BY_NAME[pod.name].port)
    assert port["appProtocol"] == "kubernetes.io/h2c"
    (container_port,) = pod.container["ports"]
    assert (container_port["name"], container_port["containerPort"]) == (port["targetPort"], port["port"])


def test_the_orchestrator_dials_names_that_exist(folder: str) -> None:
    environment = Pod(folder, "orchestrator", of(folder, "Deployment")["orchestrator"]).environment
    for name in (*STAGES, "player"):
        address = environment[f"NEUROSYNC_ORCHESTRATOR_{name.upper()}"]
        assert address == f"dns:///neurosync-{name}:{BY_NAME[name].port}"
        assert name in of(folder, "Service") or folder == "base"  # an overlay chooses the player


def test_there_is_one_orchestrator_and_one_player() -> None:
    for folder in DEPLOYED:
        assert of(folder, "Deployment")["orchestrator"]["spec"]["replicas"] == 1
    player = of("overlays/local", "Deployment")["player"]["spec"]
    assert (player["replicas"], player["strategy"]) == (1, {"type": "Recreate"})


def test_each_face_pod_has_a_gpu_in_the_gpu_overlay() -> None:
    face = Pod("overlays/gpu", "face", of("overlays/gpu", "Deployment")["face"])
    assert face.container["resources"]["limits"]["nvidia.com/gpu"] == 1
    assert face.environment["NEUROSYNC_FACE_PROVIDER"] == "cuda"
    assert face.container["image"].endswith("-cuda")
    assert face.deployment["spec"]["strategy"]["rollingUpdate"] == {"maxSurge": 0, "maxUnavailable": 1}


@pytest.mark.parametrize("folder", ["overlays/local", "overlays/gpu"])
def test_overlays_live_in_a_restricted_namespace(folder: str) -> None:
    (namespace,) = of(folder, "Namespace").values()
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    assert {item["metadata"]["namespace"] for item in rendered(folder) if item["kind"] != "Namespace"} == {"neurosync"}
