"""What rules for requests and answers cost: the gateway beside itself, with and without them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.figures import Outcome
from benchmarks.proxies.base import Proxy
from benchmarks.proxies.gateway import gateways
from benchmarks.proxies.transforming import Transforming
from benchmarks.scenarios.load import Load
from benchmarks.stand import Stand
from benchmarks.workload import ANSWER, ANSWER_PATH


@dataclass(frozen=True)
class Transform:
    """The `plain` load with a prefix stripped and two fields added each way."""

    name: str = "transform"

    def run(self, stand: Stand, proxies: Sequence[Proxy]) -> Outcome:
        """Measure in interleaved rounds."""
        load = Load(self.name, "126-byte answers; a prefix stripped, two fields added each way", ANSWER_PATH, ANSWER)
        return load.run(stand, beside_itself(proxies)) if gateways(proxies) else Outcome()


def beside_itself(proxies: Sequence[Proxy]) -> list[Proxy]:
    """Return every gateway without rules and with them."""
    found: list[Proxy] = []
    for gateway in gateways(proxies):
        found += [gateway, Transforming(f"{gateway.name}+rules", gateway.checkout)]
    return found
