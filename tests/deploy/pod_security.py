"""The rules of the Pod Security Standard "restricted", and of the two below it, as Kubernetes' pages have them.

https://kubernetes.io/docs/concepts/security/pod-security-standards/ ; no cluster can be had where the tests run.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

VOLUMES = {
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "persistentVolumeClaim",
    "projected",
    "secret",
}
PROFILES = {"RuntimeDefault", "Localhost"}
HOST = ("hostNetwork", "hostPID", "hostIPC")
SYSCTLS = {
    "kernel.shm_rmid_forced",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.tcp_syncookies",
    "net.ipv4.ping_group_range",
}


def violations(pod: dict[str, Any]) -> list[str]:
    """Return what a pod's spec says, or does not say, against the rules; nothing if it may run."""
    return [*_of_the_pod(pod), *(said for each in _containers(pod) for said in _of_a_container(pod, each))]


def _containers(pod: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for kind in ("initContainers", "containers", "ephemeralContainers"):
        yield from pod.get(kind, [])


def _of_the_pod(pod: dict[str, Any]) -> Iterator[str]:
    context = pod.get("securityContext", {})
    yield from (f"{name} is set" for name in HOST if pod.get(name))
    yield from (
        f"volume {volume['name']} is a {kind}"
        for volume in pod.get("volumes", [])
        for kind in volume.keys() - {"name"} - VOLUMES
    )
    yield from (f"sysctl {one['name']}" for one in context.get("sysctls", []) if one["name"] not in SYSCTLS)
    if context.get("windowsOptions", {}).get("hostProcess"):
        yield "hostProcess is set"


def _of_a_container(pod: dict[str, Any], container: dict[str, Any]) -> Iterator[str]:
    name, own = container["name"], container.get("securityContext", {})
    # What a container does not say for itself, its pod says for it.
    said = {**pod.get("securityContext", {}), **own}
    if own.get("privileged"):
        yield f"{name} is privileged"
    if own.get("allowPrivilegeEscalation") is not False:
        yield f"{name}: allowPrivilegeEscalation is not false"
    if said.get("runAsNonRoot") is not True:
        yield f"{name}: runAsNonRoot is not true"
    if said.get("runAsUser") == 0:
        yield f"{name}: runAsUser is root"
    if said.get("seccompProfile", {}).get("type") not in PROFILES:
        yield f"{name}: no seccompProfile"
    if said.get("appArmorProfile", {}).get("type") == "Unconfined":
        yield f"{name}: no AppArmor"
    if said.get("procMount", "Default") != "Default":
        yield f"{name}: procMount"
    capabilities = own.get("capabilities", {})
    if "ALL" not in capabilities.get("drop", []):
        yield f"{name} does not drop ALL capabilities"
    if set(capabilities.get("add", [])) - {"NET_BIND_SERVICE"}:
        yield f"{name} adds capabilities"
    if any(port.get("hostPort") for port in container.get("ports", [])):
        yield f"{name} has a hostPort"
