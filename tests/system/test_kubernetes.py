"""What happens to a pod: its configuration is swapped under it, and it is ended while others still send to it.

With the configuration of `deploy/kubernetes/base`, in real processes; the events and their order are Kubernetes'.
"""

from __future__ import annotations

import signal
import socket
import ssl
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml

from tests.pki import Authority, key_pem, pem
from tests.system import backends
from tests.system.gateway_process import BY_RUN, ROOT, GatewayProcess, until
from tests.system.mounted import Mounted
from tests.system.rollout import Clients, Service, asking

BASE = ROOT / "deploy" / "kubernetes" / "base"
ENOUGH = 30
"""Exchanges, or connections, after which something has been seen often."""


@pytest.fixture
def origin() -> Iterator[backends.Backend]:
    """The Service `app` behind the gateway."""
    with backends.backend() as server:
        yield server


def in_a_pod(origin: backends.Backend, **timeouts: str) -> dict[str, Any]:
    """Return the configuration of the manifests, for this machine."""
    whole: dict[str, Any] = yaml.safe_load((BASE / "gateway.yaml").read_text())
    del whole["listeners"], whole["admin"]
    whole["upstreams"][0]["backends"][0]["url"] = origin.url
    whole["timeouts"] |= timeouts
    return whole


def pod(directory: Path, origin: backends.Backend, **timeouts: str) -> GatewayProcess:
    """Start one, by the command of the image."""
    directory.mkdir()
    return GatewayProcess(directory, **in_a_pod(origin, **timeouts)).start(command=BY_RUN)


def all_are_used(clients: Clients) -> bool:
    """Whether every client has been answered by the pod that it was sent to first, and often."""
    return all(clients.answered[place] > 3 for place in clients.places) and clients.all > 5 * ENOUGH


@pytest.mark.parametrize("hook", [False, True], ids=["without-a-hook", "with-preStop"])
def test_a_pod_that_ends_loses_nobody(tmp_path: Path, origin: backends.Backend, hook: bool) -> None:
    """SIGTERM comes first, endpoints are removed late: what is sent there meanwhile is served, on any connection.

    With a preStop hook that sleeps, SIGTERM comes when they have been removed.
    """
    leaving = pod(tmp_path / "leaving", origin, shutdown_delay="3s", shutdown="10s")
    staying = pod(tmp_path / "staying", origin)
    service = Service(leaving.port, staying.port)
    try:
        with asking(service) as clients:
            until(lambda: all_are_used(clients), f"nobody is answered: {clients.faults}")

            if hook:
                service.ports.remove(leaving.port)
            began = time.monotonic()
            leaving.signal(signal.SIGTERM)
            ready = f"http://127.0.0.1:{leaving.admin_port}/health/ready"
            until(lambda: requests.get(ready, timeout=5).status_code == 503)
            if not hook:
                connections = service.connections[leaving.port]
                until(lambda: service.connections[leaving.port] > connections + 10, "it is not asked any more", 2.8)
                service.ports.remove(leaving.port)
            ended = leaving.wait()
            took = time.monotonic() - began
            answered = clients.of(staying.port)
            until(lambda: clients.of(staying.port) > answered + ENOUGH, "the other one is not asked")

        assert clients.faults == []
        assert ended == -signal.SIGTERM
        assert took < 13  # seconds: shutdown_delay and shutdown, which terminationGracePeriodSeconds is more than
        # Whoever kept a connection was told to leave it, and was not cut off.
        assert all(clients.closes[kind, leaving.port] for kind in ("kept", "slow", "http2"))
    finally:
        leaving.stop()
        staying.stop()


def test_without_a_delay_clients_notice(tmp_path: Path, origin: backends.Backend) -> None:
    """What the test above sees is real: where the ports close at SIGTERM, who is still sent there is refused."""
    leaving = pod(tmp_path / "leaving", origin, shutdown_delay="0s")
    staying = pod(tmp_path / "staying", origin)
    service = Service(leaving.port, staying.port)
    try:
        with asking(service) as clients:
            until(lambda: all_are_used(clients), f"nobody is answered: {clients.faults}")

            leaving.signal(signal.SIGTERM)
            until(lambda: clients.faults, "nobody has noticed")

        assert any("Refused" in fault for fault in clients.faults)
    finally:
        leaving.stop()
        staying.stop()


def test_a_change_of_configmap_and_secret_is_in_force_and_nobody_is_dropped(
    tmp_path: Path, origin: backends.Backend
) -> None:
    """One swap changes a route and the key that it asks for; who sends meanwhile, on any connection, sees nothing."""
    gateway = GatewayProcess(tmp_path)
    whole = in_a_pod(origin) | yaml.safe_load(gateway.config.read_text())
    whole["auth"] = {"api_keys": {"keys": [{"id": "one", "key": "${KEY}"}]}}
    routes = whole["routes"]

    def files(number: int) -> dict[str, str]:
        whole["routes"] = [*routes, {"path": f"/{number}/*", "upstream": "app", "auth": {"type": "api_key"}}]
        return {"gateway.yaml": yaml.safe_dump(whole), ".env": f"KEY='secret-{number}'\n"}

    def status(number: int, key: int) -> int:
        fields = {"X-API-Key": f"secret-{key}"}
        return requests.get(f"{gateway.url}/{number}/", headers=fields, timeout=5).status_code

    volume = Mounted(tmp_path / "etc", files(0))
    gateway.config = volume.place / "gateway.yaml"
    gateway.start(command=BY_RUN)
    service = Service(gateway.port)
    try:
        with asking(service) as clients:
            until(lambda: all_are_used(clients), f"nobody is answered: {clients.faults}")
            assert status(0, 0) == 200
            for number in range(1, 4):
                volume.swap(files(number))
                # Before the swap the path is one of `/*`, which asks for no key. Four seconds, since the look that does
                # not wait for the kernel comes every five.
                until(
                    lambda number=number: (status(number, number), status(number, number - 1)) == (200, 401),
                    f"swap {number} was not seen",
                    4,
                )
                before = clients.all
                until(lambda before=before: clients.all > before + ENOUGH)

        assert clients.faults == []
    finally:
        gateway.stop()
    assert "Traceback" not in gateway.errors


def test_a_renewed_certificate_in_a_mounted_secret_is_shown(tmp_path: Path, origin: backends.Backend) -> None:
    """Renewed by cert-manager, mounted by the kubelet, at a listener as the production overlay has it; no restart."""
    authority = Authority()
    trusted = ssl.create_default_context(cafile=str(authority.write(tmp_path / "ca.pem")))

    def files() -> dict[str, bytes]:
        certificate, key = authority.issue("localhost")
        return {"tls.crt": pem(certificate), "tls.key": key_pem(key)}

    def serial(port: int) -> object:
        with (
            socket.create_connection(("127.0.0.1", port)) as plain,
            trusted.wrap_socket(plain, server_hostname="localhost") as client,
        ):
            return (client.getpeercert() or {})["serialNumber"]

    volume = Mounted(tmp_path / "tls", files())
    production = yaml.safe_load((BASE.parent / "overlays" / "production" / "gateway.yaml").read_text())
    endpoint = production["listeners"][0]["endpoint"]
    assert "/etc/gateway-tls/tls.crt" in endpoint
    gateway = GatewayProcess(tmp_path)
    here = endpoint.replace("/etc/gateway-tls", str(volume.place)).replace(
        "8443", f"{gateway.port}:interface=127.0.0.1"
    )
    gateway.configure(**in_a_pod(origin), listeners=[{"endpoint": here}])
    gateway.start(command=BY_RUN)
    try:
        for number in range(1, 3):
            before = serial(gateway.port)
            volume.swap(files())
            until(lambda before=before: serial(gateway.port) != before, f"renewal {number} was not seen", 4)
    finally:
        gateway.stop()
    assert "Traceback" not in gateway.errors
