"""Instances of one gateway: the same configuration for each, and what they share in Redis."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks import etcd
from benchmarks.processes import Command
from benchmarks.proxies.chained import NEVER
from benchmarks.proxies.changing import TOKEN
from benchmarks.proxies.gateway import Gateway, configuration
from benchmarks.workload import TOKEN_SECRET, Task

WORKERS = 2
"""Processes of each instance."""

LEASES = (1, 20, 100)
"""A route has a limit with each of them."""

BOUND, WINDOW = 6_000, 60
"""The limit that is met, with its window in seconds; its lease is 20."""

PREFIX = "/gateway/"
"""Of the keys in etcd."""


class Instance(Gateway):
    """One instance with two processes; where it listens is in its environment, all else is of all instances.

    Args:
        name: In the table.
        checkout: As for `Gateway`.
        store: Settings by which it counts in Redis.
        documents: URL of the etcd that has the configuration; None: it is in a file.
    """

    def __init__(self, name: str, checkout: Path, store: Mapping[str, Any], documents: str | None = None) -> None:
        super().__init__(name, checkout)
        self.does = f"as gateway, with processes: {WORKERS}, and limits in Redis"
        self._store = store
        self._documents = documents

    def configuration(self, task: Task, version: int = 0) -> dict[str, Any]:
        """Return what all instances have.

        Args:
            task: Of one of them.
            version: Names the path of the route that changes.
        """
        limits = {f"lease-{lease}": limit(NEVER, 3600, "ip", lease) for lease in LEASES}
        limits["bounded"] = limit(BOUND, WINDOW, "ip", 20)
        limits["counted"] = limit(10, 3600, "header:X-Caller", 1)
        routes: list[dict[str, Any]] = [
            *({"name": name, "path": f"/api/{name}/*", "rate_limit": found} for name, found in limits.items()),
            {"name": "mine", "path": "/api/mine/*", "auth": {"type": "jwt"}},
            {"name": "changed", "path": f"/api/changed-{version}/*"},
            {"name": "users", "path": "/api/users/*"},
        ]
        verifier = {"algorithms": ["HS256"], "secret": TOKEN_SECRET, "issuer": "benchmark", "audience": "api"}
        return {
            **configuration(task),
            **self._store,
            "processes": WORKERS,
            "listeners": [{"endpoint": "tcp:${BENCH_PORT}:interface=127.0.0.1:backlog=4096"}],
            "admin": {"endpoint": "tcp:${BENCH_ADMIN_PORT}:interface=127.0.0.1", "token": TOKEN},
            "auth": {"jwt": {"default": verifier}},
            "access_log": {"path": "${BENCH_LOG}"},
            "routes": [{"upstream": "users", **route} for route in routes],
        }

    def prepare(self, task: Task) -> Command:
        """Write the configuration, and say in the environment where this instance listens."""
        command = super().prepare(task)
        argv = list(command.argv)
        if self._documents is not None:
            self.write(task, 0)
            argv[-1] = f"etcd+{self._documents}{PREFIX}"
        where = {
            "BENCH_PORT": str(task.port),
            "BENCH_ADMIN_PORT": str(task.admin_port),
            "BENCH_LOG": str(task.access_log),
        }
        return Command(argv, {**command.env, **where}, command.cwd)

    def write(self, task: Task, version: int) -> None:
        """Have all instances read another configuration.

        Args:
            task: Of one of them.
            version: Of the route that changes.
        """
        assert self._documents is not None
        etcd.put(self._documents, f"{PREFIX}all", json.dumps(self.configuration(task, version)))


def limit(requests: int, window: int, scope: str, lease: int) -> dict[str, Any]:
    """Return the limit of a route."""
    return {"requests": requests, "window": f"{window}s", "scope": scope, "lease": lease}
