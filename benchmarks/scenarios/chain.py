"""What the whole chain costs: a token, a limit by user, checks, breakers and retries, beside Envoy's filters for it."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.figures import Outcome
from benchmarks.processes import Command, Process, free_port
from benchmarks.progress import warn
from benchmarks.proxies.base import Proxy
from benchmarks.proxies.chained import Chained, ChainedEnvoy
from benchmarks.proxies.envoy import Envoy
from benchmarks.proxies.gateway import Gateway
from benchmarks.scenarios.load import Load
from benchmarks.stand import Stand
from benchmarks.workload import ANSWER, ANSWER_PATH


@dataclass(frozen=True)
class Chain:
    """The `plain` load through more and more of the chain."""

    name: str = "chain"

    def run(self, stand: Stand, proxies: Sequence[Proxy]) -> Outcome:
        """Measure in interleaved rounds, with a Redis server beside."""
        gateway = next((proxy for proxy in proxies if isinstance(proxy, Gateway)), None)
        if gateway is None:
            return Outcome()
        name, checkout = gateway.name, gateway.checkout
        variants: list[Proxy] = [
            gateway,
            Chained(f"{name}+quiet", checkout, identity=False),
            Chained(f"{name}+chain", checkout),
        ]
        if any(isinstance(proxy, Envoy) for proxy in proxies):
            variants.append(ChainedEnvoy())
        load = Load(self.name, "126-byte answers; JWT, limit by user, breakers, retries", ANSWER_PATH, ANSWER)
        program = shutil.which("redis-server") or shutil.which("valkey-server")
        if program is None:
            warn("no redis-server: the limit in Redis is left out")
            return load.run(stand, variants)
        port = free_port()
        argv = [program, "--port", str(port), "--bind", "127.0.0.1", "--save", ""]
        with Process(Command(argv), stand.file("redis-chain.log")) as redis:
            redis.wait_for_port(port)
            store: dict[str, Any] = {"rate_limit_store": "redis", "redis": {"url": f"redis://127.0.0.1:{port}/0"}}
            return load.run(stand, [*variants, Chained(f"{name}+redis", checkout, **store)])
