"""Proxies with more than one worker: the gateway with `processes`, Envoy with `--concurrency`."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks import usage
from benchmarks.processes import CannotStart
from benchmarks.proxies.chained import Chained, ChainedEnvoy
from benchmarks.proxies.envoy import Envoy
from benchmarks.proxies.gateway import Gateway, configuration
from benchmarks.stand import Running, ask
from benchmarks.workload import Task

_PATIENCE = 60.0


class Several(Gateway):
    """The gateway with so many processes.

    Args:
        name: In the table.
        checkout: As for `Gateway`.
        workers: How many serve; their parent comes on top of them.
    """

    def __init__(self, name: str, checkout: Path, workers: int) -> None:
        super().__init__(name, checkout)
        self.does = f"as gateway, with processes: {workers}; those and their parent are counted together"
        self._workers = workers

    def configuration(self, task: Task) -> dict[str, Any]:
        """Add the number."""
        return {**configuration(task), "processes": self._workers}


def gateway(plain: Gateway, workers: int, *, chain: bool) -> Gateway:
    """Return a gateway with so many workers.

    Args:
        plain: The one of which the code is run.
        workers: How many.
        chain: Whether it does the whole chain.
    """
    name = f"{plain.name}+{_WORDS[workers]}" if workers > 1 else plain.name
    if chain:
        made = Chained(name, plain.checkout, processes=workers)
        made.does += f"; processes: {workers}"
        return made
    return Several(name, plain.checkout, workers) if workers > 1 else plain


def envoy(workers: int, *, chain: bool) -> Envoy:
    """Return Envoy with so many workers.

    Args:
        workers: How many.
        chain: Whether it does the whole chain.
    """
    made = ChainedEnvoy() if chain else Envoy()
    made.name = f"{Envoy.name}+{_WORDS[workers]}" if workers > 1 else Envoy.name
    made.workers = workers
    made.does = made.does.replace("--concurrency 1", f"--concurrency {workers}")
    if chain:
        made.does += f"; --concurrency {workers}"
    return made


def await_workers(running: Running, workers: int) -> None:
    """Wait until all workers of a gateway serve; a proxy of threads has them when it listens.

    Raises:
        CannotStart: They do not within a minute.
    """
    if workers < 2 or not isinstance(running.proxy, Gateway):
        return
    wanted = f"gateway_workers {workers}"
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        _, metrics = ask(running.task, "/metrics", {}, port=running.task.admin_port)
        if wanted in metrics.decode().splitlines():
            return
        time.sleep(0.1)
    raise CannotStart(f"{running.proxy.name}: no {wanted} within {_PATIENCE:.0f} s")


def connections(running: Running, workers: int) -> list[int]:
    """Count the clients' connections of each worker, the most first.

    Args:
        running: The proxy.
        workers: How many it has; one that has no connection is there as 0.
    """
    counts = _of_threads(running.task) if isinstance(running.proxy, Envoy) else _of_processes(running)
    return busiest(counts, workers)


def busiest(values: Sequence[int], workers: int) -> list[int]:
    """Return so many of the largest values; 0 where there are fewer."""
    return [*sorted(values, reverse=True), *([0] * workers)][:workers]


def _of_processes(running: Running) -> list[int]:
    return [usage.connections(process, running.task.port) for process in usage.tree(running.pid)]


def _of_threads(task: Task) -> list[int]:
    """Ask Envoy, which counts by worker."""
    path = r"/stats?format=json&filter=^listener\..*\.worker_\d%2B\.downstream_cx_active$"
    _, said = ask(task, path, {}, port=task.admin_port)
    return [one["value"] for one in json.loads(said)["stats"] if f"_{task.port}.worker_" in one["name"]]


_WORDS = {2: "two", 3: "three", 4: "four"}
