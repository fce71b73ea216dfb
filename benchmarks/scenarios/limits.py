"""What a rate limit costs: the gateway without one, with one in memory, and with one in Redis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.figures import Outcome
from benchmarks.proxies.base import Proxy
from benchmarks.proxies.gateway import Gateway, configuration, gateways
from benchmarks.redis import redis_settings
from benchmarks.scenarios.load import Load
from benchmarks.stand import Stand
from benchmarks.workload import ANSWER, ANSWER_PATH, Task

NEVER = 1_000_000_000
"""Requests in an hour that no run makes."""


class Limited(Gateway):
    """The gateway with a limit by address that nobody meets.

    Args:
        name: In the table.
        checkout: As for `Gateway`.
        more: Further sections of the configuration.
    """

    def __init__(self, name: str, checkout: Path, **more: Any) -> None:
        super().__init__(name, checkout)
        self.does = f"as gateway, with a token bucket by address; counted in {more.get('rate_limit_store', 'memory')}"
        self._more = more

    def configuration(self, task: Task) -> dict[str, Any]:
        """Add the limit."""
        plain = configuration(task)
        limit = {"requests": NEVER, "window": "1h", "scope": "ip"}
        return {**plain, "routes": [{**route, "rate_limit": limit} for route in plain["routes"]], **self._more}


@dataclass(frozen=True)
class Limits:
    """The `plain` load on three configurations of the gateway; peers are not asked."""

    name: str = "limits"

    def run(self, stand: Stand, proxies: Sequence[Proxy]) -> Outcome:
        """Measure in interleaved rounds, with a Redis server beside."""
        ours = gateways(proxies)
        if not ours:
            return Outcome()
        variants: list[Proxy] = []
        for gateway in ours:
            variants += [gateway, Limited(f"{gateway.name}+memory", gateway.checkout)]
        load = Load(self.name, "126-byte answers; a limit by address, not met", ANSWER_PATH, ANSWER)
        with redis_settings(stand) as store:
            if store is not None:
                variants += [Limited(f"{gateway.name}+redis", gateway.checkout, **store) for gateway in ours]
            return load.run(stand, variants)
