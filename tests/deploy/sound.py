"""What must hold for whatever is applied to a cluster, whoever has rendered it."""

from __future__ import annotations

import base64
import re
from pathlib import Path
from typing import Any

from gateway import config
from tests.deploy.pod_security import violations

Resource = dict[str, Any]

SECRETS = {"ADMIN_TOKEN": "a" * 32, "JWT_SECRET": "j" * 48, "REDIS_PASSWORD": "r"}
"""What whoever applies it fills in."""
UNITS = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30}
START = 82.5 * 2**20
"""Octets that a process occupies before clients come, as docs/performance.md has it (`idle-h2-tls`),"""
EACH = 45.3 * 2**10
"""and those of an idle connection of the dearest kind."""
AFTER_THE_DRAIN = 5
"""Seconds that connections, pools and logs have to close before a pod is killed."""


def of_kind(resources: list[Resource], kind: str) -> list[Resource]:
    """Return those of a kind."""
    return [each for each in resources if each["kind"] == kind]


def write_configuration(resources: list[Resource], directory: Path, secrets: dict[str, str]) -> Path:
    """Write what the pods would find in /etc/gateway; returns the file that they are told.

    Args:
        resources: With a ConfigMap.
        directory: Where.
        secrets: In place of a Secret that is made elsewhere.
    """
    directory.mkdir(parents=True, exist_ok=True)
    maps = of_kind(resources, "ConfigMap")
    assert len(maps) == 1
    for name, content in maps[0]["data"].items():
        (directory / name).write_text(content)
    lines = "".join(f"{name}='{value}'\n" for name, value in secrets.items())
    for secret in of_kind(resources, "Secret"):
        made = base64.b64decode(secret["data"][".env"]).decode()
        lines = lines + made if re.search(r"='.+'", made) else lines  # those of the overlay are to be filled in
    (directory / ".env").write_text(lines)
    return directory / "gateway.yaml"


def check(resources: list[Resource], directory: Path) -> None:
    """Assert all that must hold.

    Args:
        resources: The whole that is applied.
        directory: To write files to.
    """
    deployment = of_kind(resources, "Deployment")[0]
    pod = deployment["spec"]["template"]["spec"]
    container = pod["containers"][0]

    assert violations(pod) == []
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert pod["automountServiceAccountToken"] is bool(of_kind(resources, "Role"))
    _mounts(pod, container)
    _names_fit(resources, deployment)

    settings = config.load(write_configuration(resources, directory, SECRETS), {})
    grace = settings.timeouts.shutdown_delay + settings.timeouts.shutdown + _hook(container)
    assert settings.timeouts.shutdown_delay > 0, "who is still sent to a pod that ends would be refused"
    assert pod["terminationGracePeriodSeconds"] >= grace + AFTER_THE_DRAIN
    _ports_are_listened_at(settings, container)
    _nothing_is_served_in_the_clear_beside_tls(settings)
    assert START + settings.limits.connections * EACH <= settings.limits.memory, "idle connections alone would fill it"
    # Past 150 % of it nothing but health is answered: that has to come before the kernel's end of the container.
    assert 0 < 1.5 * settings.limits.memory < octets(container["resources"]["limits"]["memory"])


def octets(said: str) -> int:
    """Return a quantity of memory in octets."""
    return int(said[:-2]) * UNITS[said[-2:]]


def _mounts(pod: Resource, container: Resource) -> None:
    volumes = {volume["name"] for volume in pod["volumes"]}
    assert {mount["name"] for mount in container["volumeMounts"]} == volumes
    # The kubelet never updates what is mounted by subPath: no change would arrive.
    assert not any("subPath" in mount for mount in container["volumeMounts"])


def _hook(container: Resource) -> float:
    seconds = container.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
    assert isinstance(seconds, int)
    return seconds


def _names_fit(resources: list[Resource], deployment: Resource) -> None:
    """Assert that what refers to something by name or label finds it."""
    labels = deployment["spec"]["template"]["metadata"]["labels"].items()
    ports = {port["name"] for port in deployment["spec"]["template"]["spec"]["containers"][0]["ports"]}

    def chosen(selector: dict[str, str]) -> bool:
        return bool(selector) and selector.items() <= labels

    assert chosen(deployment["spec"]["selector"]["matchLabels"])
    for service in of_kind(resources, "Service"):
        assert chosen(service["spec"]["selector"])
        assert {port["targetPort"] for port in service["spec"]["ports"]} <= ports
    for budget in of_kind(resources, "PodDisruptionBudget"):
        assert chosen(budget["spec"]["selector"]["matchLabels"])
    for spread in deployment["spec"]["template"]["spec"].get("topologySpreadConstraints", []):
        assert chosen(spread["labelSelector"]["matchLabels"])
    for policy in of_kind(resources, "NetworkPolicy"):
        assert chosen(policy["spec"]["podSelector"]["matchLabels"])
        assert {port["port"] for rule in policy["spec"]["ingress"] for port in rule["ports"]} <= ports
        # Label transformers are not to reach into whom the gateway asks.
        peers = [peer for rule in policy["spec"]["egress"] for peer in rule.get("to", [])]
        assert {"matchLabels": {"k8s-app": "kube-dns"}} in [peer.get("podSelector") for peer in peers]
    for scaler in of_kind(resources, "HorizontalPodAutoscaler"):
        assert scaler["spec"]["scaleTargetRef"]["name"] == deployment["metadata"]["name"]
        assert "replicas" not in deployment["spec"], "each `apply` would undo what the autoscaler has done"
    for monitor in of_kind(resources, "ServiceMonitor"):
        wanted = monitor["spec"]["selector"]["matchLabels"].items()
        port = monitor["spec"]["endpoints"][0]["port"]
        scraped = [
            service
            for service in of_kind(resources, "Service")
            if wanted <= service["metadata"]["labels"].items()
            and port in {each["name"] for each in service["spec"]["ports"]}
        ]
        assert len(scraped) == 1
        assert scraped[0]["metadata"]["labels"][monitor["spec"]["jobLabel"]] == "gateway"  # the job of the rules
    _accounts(resources, deployment["spec"]["template"]["spec"]["serviceAccountName"])


def _accounts(resources: list[Resource], account: str) -> None:
    """Assert that who may do something is the pods' own account, and that it is little."""
    made = {each["metadata"]["name"] for each in of_kind(resources, "ServiceAccount")}
    assert account in made | {"default"}
    roles = {(each["metadata"].get("namespace"), each["metadata"]["name"]) for each in of_kind(resources, "Role")}
    bindings = of_kind(resources, "RoleBinding")
    assert {(each["metadata"].get("namespace"), each["roleRef"]["name"]) for each in bindings} == roles
    assert all([subject["name"] for subject in each["subjects"]] == [account] for each in bindings)
    for role in of_kind(resources, "Role"):
        assert role["rules"] == [
            {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": ["list", "watch"]}
        ]
    assert not of_kind(resources, "ClusterRole")


def _nothing_is_served_in_the_clear_beside_tls(settings: config.Settings) -> None:
    """Assert that who comes to a listener without TLS, where another has it, is sent there: tokens would be seen."""
    clear = {listener.name for listener in settings.listeners if listener.endpoint.startswith("tcp")}
    if len(clear) < len(settings.listeners):
        served = [route for route in settings.routes if not route.listeners or clear & set(route.listeners)]
        assert [route.name for route in served if route.redirect is None] == []


def _ports_are_listened_at(settings: config.Settings, container: Resource) -> None:
    listened = {int(listener.endpoint.split(":")[1]) for listener in settings.listeners}
    admin = settings.admin.endpoint.split(":")
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert ports.pop("admin") == int(admin[1])
    assert not any("interface" in part for part in admin), "the kubelet comes from outside the pod"
    assert set(ports.values()) == listened
