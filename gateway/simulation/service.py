"""How long backends take, and on how many requests they work at once.

Decides only: chance is passed in.

Tests: `tests/simulation/test_service.py`.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from math import log
from typing import Final

from gateway.config.problems import Unexpected
from gateway.config.units import parse_timeout

WANTED: Final = (
    "[UPSTREAM:]TIME[,at-once=NUMBER], with TIME as 20ms (always), mean=20ms (exponential) or p50=20ms,p99=200ms "
    "(lognormal)"
)

Z99: Final = 2.3263478740408408
"""The 99th percentile of the standard normal distribution."""


@dataclass(frozen=True)
class Service:
    """What a request costs a backend.

    Attributes:
        kind: `always`, `mean` or `percentiles`.
        seconds: The time, its mean or its median.
        p99: Its 99th percentile in seconds, of `percentiles`.
        at_once: On how many requests a backend works at the same time; those beyond wait in line. 0: all.
    """

    kind: str = "percentiles"
    seconds: float = 0.02
    p99: float = 0.2
    at_once: int = 0

    def draw(self, chance: random.Random) -> float:
        """Return how long one request takes, in seconds."""
        if self.kind == "always":
            return self.seconds
        if self.kind == "mean":
            return chance.expovariate(1.0 / self.seconds)
        return chance.lognormvariate(log(self.seconds), log(self.p99 / self.seconds) / Z99)


def parse_service(said: str) -> tuple[str, Service]:
    """Read `[UPSTREAM:]TIME[,at-once=NUMBER]`.

    Returns:
        The name of the upstream, empty for all, and what its backends take.

    Raises:
        Unexpected: It is something else.
    """
    upstream, _, times = said.rpartition(":")
    known: dict[str, str] = {}
    for part in times.split(","):
        key, equals, value = part.partition("=")
        key, value = (key, value) if equals else ("always", key)
        if key in known:
            raise Unexpected(WANTED)
        known[key] = value
    try:
        at_once = int(known.pop("at-once", "0"))
        seconds = {key: parse_timeout(value) for key, value in known.items()}
    except ValueError:  # Unexpected is one too
        raise Unexpected(WANTED) from None
    match sorted(seconds):
        case ["always"] | ["mean"] as kind if at_once >= 0:
            return upstream, Service(kind[0], seconds[kind[0]], 0.0, at_once)
        case ["p50", "p99"] if at_once >= 0 and seconds["p50"] < seconds["p99"]:
            return upstream, Service("percentiles", seconds["p50"], seconds["p99"], at_once)
        case _:
            raise Unexpected(WANTED)


def service_of(upstream: str, said: Sequence[tuple[str, Service]]) -> Service:
    """Return what holds for an upstream: what was said of it last, else what was said last of all, else the default."""
    for_all = [service for name, service in said if not name]
    own = [service for name, service in said if name == upstream]
    return [Service(), *for_all, *own][-1]
