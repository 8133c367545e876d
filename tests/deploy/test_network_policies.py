"""The rendered network policies: the connections that they allow, and no others."""

from __future__ import annotations

import ipaddress
from typing import NamedTuple

from tests.deploy.facts import BY_NAME
from tests.deploy.rendering import DEPLOYED, STAGES, Object, of


class Peer(NamedTuple):
    """One connection that network policies allow: the other side, the protocol and the port."""

    peer: str
    protocol: str
    port: int


def allowed(folder: str, name: str, direction: str) -> set[Peer]:
    """Return the connections that the policies of a folder allow the pods of a service."""
    labels = of(folder, "Deployment")[name]["spec"]["template"]["metadata"]["labels"]
    found = set()
    for policy in of(folder, "NetworkPolicy").values():
        spec = policy["spec"]
        if spec["podSelector"]["matchLabels"].items() <= labels.items():
            assert direction.title() in spec["policyTypes"] or direction not in spec
            for rule in spec.get(direction, []):
                for peer in rule.get("from" if direction == "ingress" else "to", [{"any": {}}]):
                    found |= {Peer(_peer(peer), port["protocol"], port["port"]) for port in rule["ports"]}
    return found


def _peer(peer: Object) -> str:
    ((kind, value),) = peer.items()
    if kind == "podSelector":
        ((label, name),) = value["matchLabels"].items()
        return str(name) if label == "app.kubernetes.io/name" else f"{label}={name}"
    if kind == "ipBlock":
        closed = [ipaddress.ip_network(network) for network in value["except"]]
        for address in ("10.1.2.3", "172.20.0.1", "192.168.1.1", "169.254.169.254", "fd00::1", "fe80::1"):
            inside = ipaddress.ip_address(address)
            assert any(inside in network for network in closed) or inside.version != closed[0].version
        return "internet"
    return kind


DNS = {Peer("namespaceSelector", "UDP", 53), Peer("namespaceSelector", "TCP", 53)}


def test_all_other_traffic_is_denied(folder: str) -> None:
    spec = of(folder, "NetworkPolicy")["deny-all"]["spec"]
    assert spec["policyTypes"] == ["Ingress", "Egress"]
    assert not {"ingress", "egress"} & set(spec)
    for deployment in of(folder, "Deployment").values():
        labels = deployment["spec"]["template"]["metadata"]["labels"]
        assert spec["podSelector"]["matchLabels"].items() <= labels.items()


def test_stages_are_called_by_the_orchestrator_only(folder: str) -> None:
    for name in set(DEPLOYED[folder]) - {"orchestrator"}:
        assert allowed(folder, name, "ingress") == {Peer("neurosync-orchestrator", "TCP", BY_NAME[name].port)}
    assert allowed(folder, "orchestrator", "ingress") == {Peer("neurosync.client=true", "TCP", 50050)}


def test_only_llm_and_tts_reach_the_internet(folder: str) -> None:
    for name in ("llm", "tts"):
        assert allowed(folder, name, "egress") == DNS | {Peer("internet", "TCP", 443)}
    assert allowed(folder, "face", "egress") == DNS


def test_the_orchestrator_reaches_the_stages_and_the_player(folder: str) -> None:
    player = {"base": set(), "overlays/local": {Peer("neurosync-player", "TCP", 50054)}}
    stages = {Peer(f"neurosync-{name}", "TCP", BY_NAME[name].port) for name in STAGES}
    outside = {Peer("any", "TCP", 50054)}
    assert allowed(folder, "orchestrator", "egress") == DNS | stages | player.get(folder, outside)


def test_a_player_in_the_cluster_reaches_unreal_by_udp_only() -> None:
    assert allowed("overlays/local", "player", "egress") == DNS | {Peer("any", "UDP", 11111)}
