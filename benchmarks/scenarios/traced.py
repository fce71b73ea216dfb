"""What exporting traces costs: every one, and one of a hundred, beside Envoy with its own tracer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.figures import Outcome
from benchmarks.proxies.base import Proxy
from benchmarks.proxies.envoy import Envoy
from benchmarks.proxies.gateway import gateways
from benchmarks.proxies.traced import Traced, TracedEnvoy
from benchmarks.scenarios.load import Load
from benchmarks.stand import Stand
from benchmarks.workload import ANSWER, ANSWER_PATH

SHARES = {"all": 1.0, "few": 0.01}


@dataclass(frozen=True)
class Tracing:
    """The `plain` load, and traces of it."""

    name: str = "traced"

    def run(self, stand: Stand, proxies: Sequence[Proxy]) -> Outcome:
        """Measure in interleaved rounds."""
        load = Load(self.name, "126-byte answers; all traces, and one of a hundred, by OTLP", ANSWER_PATH, ANSWER)
        return load.run(stand, traced(proxies)) if gateways(proxies) else Outcome()


def traced(proxies: Sequence[Proxy]) -> list[Proxy]:
    """Return every gateway, and Envoy, without traces, with all and with few."""
    found: list[Proxy] = []
    for gateway in gateways(proxies):
        found.append(gateway)
        found += [Traced(f"{gateway.name}+{name}", gateway.checkout, share) for name, share in SHARES.items()]
    for envoy in proxies:
        if isinstance(envoy, Envoy):
            found.append(envoy)
            found += [TracedEnvoy(f"{envoy.name}+{name}", share) for name, share in SHARES.items()]
    return found
