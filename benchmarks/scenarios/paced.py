"""What part of a core 5,000 requests a second take, with the whole chain: sent at that pace, not as fast as it goes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmarks import h2load
from benchmarks.figures import Outcome, Table, median
from benchmarks.progress import warn
from benchmarks.proxies.base import Proxy
from benchmarks.scenarios.chain import whole
from benchmarks.scenarios.load import Load
from benchmarks.stand import Drive, Round, Running, Stand
from benchmarks.workload import ANSWER, ANSWER_PATH

PACE = 5_000
"""Requests a second."""

_CONNECTIONS = 50
_LEAST = 0.98


@dataclass(frozen=True)
class AtPace(Load):
    """A load of so many requests a second."""

    connections: int = _CONNECTIONS

    @property
    def held(self) -> str:
        """What h2load holds, and how fast it asks."""
        return f"{PACE:,} requests/s on {self.connections} connections"

    @property
    def watched(self) -> int:
        """None: most connections have nothing to wait for."""
        return 0

    def drive(self, stand: Stand) -> Drive:
        """Return what asks a proxy."""
        pace = PACE // self.connections
        return lambda one, seconds: h2load.run_at_pace(
            one.task.url(self.path), seconds, self.connections, pace, stand.headers
        )

    def look(self, running: Sequence[Running], rounds: Mapping[str, list[Round]]) -> None:
        """Say which proxy was asked more slowly: what it costs then is another figure."""
        for name, measured in rounds.items():
            rate = median([one.load.requests / one.load.seconds for one in measured])
            if rate < PACE * _LEAST:
                warn(f"{name}: {rate:,.0f} requests/s, where {PACE:,} were wanted")


@dataclass(frozen=True)
class Paced:
    """Requests at a pace through the whole chain."""

    name: str = "paced"

    def run(self, stand: Stand, proxies: Sequence[Proxy]) -> Outcome:
        """Measure in interleaved rounds."""
        load = AtPace(self.name, "126-byte answers; the whole chain", ANSWER_PATH, ANSWER)
        outcome = load.run(stand, whole(proxies))
        rows = shares_of_a_core(self.name, outcome.figures)
        if rows:
            outcome.tables.append(
                Table(f"{self.name}: CPU per request times {PACE:,} a second", ["proxy", "of a core"], rows)
            )
        return outcome


def shares_of_a_core(scenario: str, found: Mapping[str, float]) -> list[list[str]]:
    """Make the rows of the table."""
    names = [key.split(".")[1] for key in found if key.startswith(f"{scenario}.") and key.endswith(".cpu")]
    return [[name, f"{found[f'{scenario}.{name}.cpu'] * PACE:.0%}"] for name in names]
