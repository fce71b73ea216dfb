"""What the whole chain costs: a token, a limit by user, checks, breakers and retries, beside Envoy's filters for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.figures import Outcome
from benchmarks.proxies.base import Proxy
from benchmarks.proxies.chained import Chained, ChainedEnvoy
from benchmarks.proxies.envoy import Envoy
from benchmarks.proxies.gateway import gateways
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
        if not gateways(proxies):
            return Outcome()
        with redis_settings(stand) as store:
            return self.load.run(stand, parts(proxies, store))

    @property
    def load(self) -> Load:
        """What is asked of each."""
        return Load(self.name, "126-byte answers; JWT, limit by user, breakers, retries", ANSWER_PATH, ANSWER)


@dataclass(frozen=True)
class ChainTLS:
    """The whole chain over kept connections with TLS."""

    name: str = "chain-tls"

    def run(self, stand: Stand, proxies: Sequence[Proxy]) -> Outcome:
        """Measure in interleaved rounds."""
        return self.load.run(stand, whole(proxies))

    @property
    def load(self) -> Load:
        """What is asked of each."""
        return Load(self.name, "the whole chain behind TLS", ANSWER_PATH, ANSWER, tls=True)


def parts(proxies: Sequence[Proxy], store: Mapping[str, Any] | None) -> list[Proxy]:
    """Return every gateway with more and more of the chain, and Envoy with all of it.

    Args:
        proxies: To be measured.
        store: Settings with which a gateway counts in Redis; None where there is none.
    """
    found: list[Proxy] = []
    for gateway in gateways(proxies):
        found += [gateway, Chained(f"{gateway.name}+quiet", gateway.checkout, identity=False)]
    found += whole(proxies)
    if store is not None:
        found += [Chained(f"{gateway.name}+redis", gateway.checkout, **store) for gateway in gateways(proxies)]
    return found


def whole(proxies: Sequence[Proxy]) -> list[Proxy]:
    """Return the gateways and Envoy with the whole chain, counting in memory."""
    found: list[Proxy] = [Chained(f"{gateway.name}+chain", gateway.checkout) for gateway in gateways(proxies)]
    return found + [ChainedEnvoy() for proxy in proxies if isinstance(proxy, Envoy)]
