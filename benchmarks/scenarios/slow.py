"""What clients notice of one slow backend of four, by the strategy that the gateway picks backends with."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.figures import Outcome
from benchmarks.peers import ROOT
from benchmarks.processes import Command, Process, free_port
from benchmarks.proxies.base import Proxy
from benchmarks.proxies.gateway import Gateway, configuration, gateways
from benchmarks.scenarios.load import Load
from benchmarks.stand import Stand
from benchmarks.workload import ANSWER, ANSWER_PATH, Task

STRATEGIES = ("round_robin", "least_connections", "least_latency")

DELAYS = (5, 5, 5, 100)
"""Milliseconds that the backends take."""

CONNECTIONS = 16
"""Few, so that an answer takes what its backend takes, and not what the machine does."""


class Balanced(Gateway):
    """The gateway in front of several backends.

    Args:
        checkout: As for `Gateway`.
        strategy: How it picks one.
        ports: Where they listen.
    """

    def __init__(self, name: str, checkout: Path, strategy: str, ports: Sequence[int]) -> None:
        super().__init__(f"{name}+{strategy}", checkout)
        self.does = f"as gateway, `strategy: {strategy}` over {len(ports)} backends"
        self._strategy = strategy
        self._ports = ports

    def configuration(self, task: Task) -> dict[str, Any]:
        """Give the upstream its backends and its strategy."""
        plain = configuration(task)
        backends = [{"url": f"http://127.0.0.1:{port}"} for port in self._ports]
        upstreams = [{**upstream, "strategy": self._strategy, "backends": backends} for upstream in plain["upstreams"]]
        return {**plain, "upstreams": upstreams}


@dataclass(frozen=True)
class Slow:
    """The `plain` load on three strategies of the gateway; peers are not asked."""

    name: str = "slow"

    def run(self, stand: Stand, proxies: Sequence[Proxy]) -> Outcome:
        """Measure in interleaved rounds, with the four backends beside."""
        ours = gateways(proxies)
        if not ours:
            return Outcome()
        ports = [free_port() for _ in DELAYS]
        said = [f"{port}:{delay}" for port, delay in zip(ports, DELAYS, strict=True)]
        argv = [sys.executable, "-m", "benchmarks.timed_backend", *said]
        title = f"126-byte answers of four backends after {', '.join(map(str, DELAYS))} ms"
        load = Load(self.name, title, ANSWER_PATH, ANSWER, CONNECTIONS)
        with Process(Command(argv, cwd=ROOT), stand.file("timed-backends.log")) as backends:
            for port in ports:
                backends.wait_for_port(port)
            return load.run(stand, [Balanced(one.name, one.checkout, how, ports) for one in ours for how in STRATEGIES])
