"""What a plugin that does nothing costs: the gateway beside itself, without it and with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.figures import Outcome
from benchmarks.proxies.base import Proxy
from benchmarks.proxies.gateway import gateways
from benchmarks.proxies.plugged import Plugged
from benchmarks.scenarios.load import Load
from benchmarks.stand import Stand
from benchmarks.workload import ANSWER, ANSWER_PATH

HOOKS = 3
"""Of the plugin."""


@dataclass(frozen=True)
class Plugin:
    """The `plain` load with a plugin on the route."""

    name: str = "plugin"

    def run(self, stand: Stand, proxies: Sequence[Proxy]) -> Outcome:
        """Measure in interleaved rounds."""
        load = Load(self.name, "126-byte answers; a plugin whose three hooks do nothing", ANSWER_PATH, ANSWER)
        return load.run(stand, beside_itself(proxies)) if gateways(proxies) else Outcome()


def beside_itself(proxies: Sequence[Proxy]) -> list[Proxy]:
    """Return every gateway without the plugin and with it."""
    found: list[Proxy] = []
    for gateway in gateways(proxies):
        found += [gateway, Plugged(f"{gateway.name}+plugin", gateway.checkout)]
    return found
