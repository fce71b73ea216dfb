"""The gateway itself, out of a checkout."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.compiled import BUILT
from benchmarks.peers import ROOT
from benchmarks.processes import Command
from benchmarks.proxies.base import Proxy
from benchmarks.workload import Task, route_path

_UPSTREAM = "users"

_INSTALLED = ROOT / "benchmarks/installed"
"""Hides the packages that only the tests need."""


class Gateway:
    """`twistd gateway` with an access log, metrics and request ids on."""

    needs: Sequence[str] = ()
    does = "one process; JSON access log to a file, Prometheus metrics, request id, traceparent, X-Forwarded-*"

    def __init__(self, name: str = "gateway", checkout: Path = ROOT) -> None:
        """Make an entry.

        Args:
            name: In the table.
            checkout: The directory whose `gateway` package and twistd plugin are run: of sources, or of what was built.
        """
        self.name = name
        self.checkout = checkout

    def can(self, task: Task) -> bool:
        """It does every task."""
        return True

    def configuration(self, task: Task) -> dict[str, Any]:
        """What it is run with."""
        return configuration(task)

    def prepare(self, task: Task) -> Command:
        """Write `gateway.json`; no template, the file is data."""
        path = task.directory / "gateway.json"
        path.write_text(json.dumps(self.configuration(task), indent=1))
        twistd = str(Path(sys.executable).parent / "twistd")
        # --logfile only so that a message of the gateway is found where the other proxies' are.
        argv = [twistd, "-n", "--pidfile=", "--logfile=-", "gateway", "--config", str(path)]
        packages = os.pathsep.join([str(self.checkout), str(_INSTALLED)])
        return Command(argv, env={"PYTHONPATH": packages}, cwd=self.checkout)


def compiled() -> Gateway:
    """Return the entry of the gateway with its hot path compiled, which `benchmarks.compiled` builds."""
    entry = Gateway("gateway-compiled", BUILT)
    entry.does = f"the hot path compiled; {Gateway.does}"
    return entry


def gateways(proxies: Sequence[Proxy]) -> list[Gateway]:
    """Return the gateways among proxies."""
    return [proxy for proxy in proxies if isinstance(proxy, Gateway)]


def configuration(task: Task) -> dict[str, Any]:
    """The configuration of a task, as `docs/reference/configuration.md` has it."""
    endpoint = f"tcp:{task.port}"
    if task.certificate:
        endpoint = f"ssl:{task.port}:privateKey={task.certificate.key}:certKey={task.certificate.chain}"
    scheme = "h2c" if task.http2_backend else "http"
    if task.routes == 1:
        routes = [{"name": "users", "path": "/api/users/*", "upstream": _UPSTREAM}]
    else:
        routes = [
            {"name": f"service-{number}", "path": route_path(number) + "*", "upstream": _UPSTREAM}
            for number in range(task.routes)
        ]
    return {
        # Twisted's default backlog of 50 is less than the connections that the load opens at once.
        "listeners": [{"endpoint": f"{endpoint}:interface=127.0.0.1:backlog=4096"}],
        "admin": {"endpoint": f"tcp:{task.admin_port}:interface=127.0.0.1"},
        "upstreams": [{"name": _UPSTREAM, "backends": [{"url": f"{scheme}://127.0.0.1:{task.backend_port}"}]}],
        "routes": routes,
        "access_log": {"path": str(task.access_log)},
    }
