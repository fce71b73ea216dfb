"""What the whole chain costs: a token, a limit by user, checks, breakers and retries, beside Envoy's filters for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.figures import Outcome
from benchmarks.proxies.base import Proxy
from benchmarks.proxies.chained import Chained, ChainedEnvoy
from benchmarks.proxies.envoy import Envoy
from benchmarks.proxies.gateway import Gateway
from benchmarks.redis import redis_settings
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
        with redis_settings(stand) as store:
            if store is not None:
                variants.append(Chained(f"{name}+redis", checkout, **store))
            return load.run(stand, variants)
