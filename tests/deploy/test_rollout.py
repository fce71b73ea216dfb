"""A rolling update as the manifests have it, in real time: shipped delays, shipped steps, real processes."""

from __future__ import annotations

import logging
import signal
import threading
import time
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml

from tests.deploy.tools import needed
from tests.system import backends
from tests.system.gateway_process import BY_RUN, ROOT, GatewayProcess, until
from tests.system.rollout import Service, asking

pytestmark = [needed, pytest.mark.timeout(300)]

BASE = ROOT / "deploy" / "kubernetes" / "base"
DEPLOYMENT = yaml.safe_load((BASE / "deployment.yaml").read_text())["spec"]
LATE = 5.0
"""Seconds after which the last node has heard that a pod is going: much, for a cluster that is well."""
START = 60.0
"""Seconds within which a process has started, on a machine that has much else to do."""

_log = logging.getLogger(__name__)


@pytest.mark.parametrize("processes", [1, 2])
def test_every_pod_is_replaced_and_nobody_notices(tmp_path: Path, processes: int) -> None:
    """One more is started and ready before one is ended; its SIGTERM comes at once, the end of its endpoints late.

    `--log-cli-level=INFO` shows the figures.
    """
    pod = DEPLOYMENT["template"]["spec"]
    rolling = DEPLOYMENT["strategy"]["rollingUpdate"]
    assert (rolling["maxSurge"], rolling["maxUnavailable"]) == (1, 0)
    probe = pod["containers"][0]["readinessProbe"]
    configuration: dict[str, Any] = yaml.safe_load((BASE / "gateway.yaml").read_text())
    del configuration["listeners"], configuration["admin"]
    assert configuration["timeouts"]["shutdown_delay"] == "10s"

    def start(name: str) -> GatewayProcess:
        (tmp_path / name).mkdir()
        started = GatewayProcess(tmp_path / name, processes=processes, **configuration).start(
            wait=False, command=BY_RUN
        )
        running.append(started)
        until(lambda: _is_ready(started, probe), f"{name} is not ready: {started.errors}", START)
        return started

    running: list[GatewayProcess] = []
    with backends.backend() as origin:
        configuration["upstreams"][0]["backends"][0]["url"] = origin.url
        try:
            old = [start(f"old-{number}") for number in range(DEPLOYMENT["replicas"])]
            service = Service(*(each.port for each in old))
            with asking(service) as clients:
                for number, leaving in enumerate(old):
                    service.ports.append(start(f"new-{number}").port)
                    began = time.monotonic()
                    leaving.signal(signal.SIGTERM)
                    removed = threading.Timer(LATE, service.ports.remove, [leaving.port])
                    removed.start()
                    assert leaving.process is not None
                    leaving.process.wait(pod["terminationGracePeriodSeconds"])
                    took = time.monotonic() - began
                    removed.join()
                    assert took > LATE
                    _log.info("pod %d: %.1f s from SIGTERM to its end", number, took)
                answered = clients.all
                until(lambda: clients.all > answered + 100, "the new ones are not asked")
            _log.info("processes: %d; %d exchanges, %d failed", processes, clients.all, len(clients.faults))
            assert clients.faults == []
            assert {port for _, port in clients.answered} == {each.port for each in running}
        finally:
            for each in running:
                if each.process is not None and each.process.poll() is None:
                    each.signal(signal.SIGTERM)
            for each in running:
                each.stop()  # a second signal: the delay is for clients, and there are none any more


def _is_ready(gateway: GatewayProcess, probe: dict[str, Any]) -> bool:
    """Ask as the kubelet does: who does not answer in time is not ready."""
    assert gateway.process is not None
    assert gateway.process.poll() is None, gateway.errors
    try:
        url = f"http://127.0.0.1:{gateway.admin_port}{probe['httpGet']['path']}"
        return requests.get(url, timeout=probe["timeoutSeconds"]).status_code == 200
    except requests.RequestException:
        return False
