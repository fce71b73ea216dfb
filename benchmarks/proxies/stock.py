"""Twisted's own web server and client as proxies: what one gets without writing anything."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from benchmarks.peers import ROOT
from benchmarks.processes import Command
from benchmarks.workload import Task


class Stock:
    """`twisted.web` in one process; `stock_server` is the program."""

    needs: Sequence[str] = ()

    def __init__(self, name: str, kind: str, does: str) -> None:
        """Make an entry.

        Args:
            name: In the table.
            kind: `agent` or `resource`, as `stock_server` names them.
            does: What it does for a request.
        """
        self.name = name
        self.does = does
        self._kind = kind

    def can(self, task: Task) -> bool:
        """Not the many-routes task, which compares the gateway with itself; it speaks HTTP/1.1 only."""
        return task.routes == 1 and not task.http2

    def prepare(self, task: Task) -> Command:
        """Say how to start `stock_server`; it has no configuration."""
        endpoint = f"tcp:{task.port}:interface=127.0.0.1:backlog=4096"
        if task.certificate:
            files = f"privateKey={task.certificate.key}:certKey={task.certificate.chain}"
            endpoint = f"ssl:{task.port}:{files}:interface=127.0.0.1:backlog=4096"
        backend, log = str(task.backend_port), str(task.access_log)
        argv = [sys.executable, "-m", "benchmarks.proxies.stock_server", self._kind, endpoint, backend, log]
        return Command(argv, env={"PYTHONPATH": str(ROOT)}, cwd=ROOT)


def stock_agent() -> Stock:
    """`Site`, `Agent` and `HTTPConnectionPool`."""
    does = "Site + Agent + HTTPConnectionPool, one process; combined access log to a file; no metrics, no request id"
    return Stock("twisted-agent", "agent", does)


def stock_resource() -> Stock:
    """`ReverseProxyResource`, which opens a connection for each request."""
    does = "ReverseProxyResource, one process; combined access log to a file; a new backend connection per request"
    return Stock("twisted-resource", "resource", does)
