"""What a second worker costs: one and two processes of the gateway, beside Envoy with one and two threads.

Load generator and backend have the same cores, so two workers answer hardly more requests a second than one on a
machine with two: the cost of a request is what is compared, and how the connections are shared out.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import jwt

from benchmarks import figures
from benchmarks.figures import Outcome, Table, median
from benchmarks.processes import CannotStart
from benchmarks.progress import warn
from benchmarks.proxies.base import Proxy
from benchmarks.proxies.envoy import Envoy
from benchmarks.proxies.gateway import gateways
from benchmarks.proxies.several import await_workers, connections, envoy, gateway
from benchmarks.scenarios.load import Load
from benchmarks.stand import NO_ANSWER, Drive, Running, Stand
from benchmarks.workload import ANSWER, ANSWER_PATH, TOKEN_SECRET, claims, fields, headers
from benchmarks.wrk import Load as Answered
from benchmarks.wrk import Shown

TWO = "+two"


@dataclass(frozen=True)
class Shared(Load):
    """A load in the middle of which it is counted how many connections each worker has.

    Attributes:
        counts: What was counted of each proxy with two workers, run by run.
    """

    counts: dict[str, list[list[int]]] = field(default_factory=dict)

    @contextmanager
    def started(self, stand: Stand, proxies: Sequence[Proxy]) -> Iterator[list[Running]]:
        """Run the proxies, and wait until all their workers serve."""
        with super().started(stand, proxies) as started:
            yield [one for one in started if self._serves(one)]

    def drive(self, stand: Stand) -> Drive:
        """Return what loads a proxy and counts."""
        plain = super().drive(stand)

        def drive(one: Running, seconds: float) -> Answered:
            if workers(one.proxy) < 2:
                return plain(one, seconds)
            counting = threading.Timer(seconds / 2, self._count, [one])
            counting.start()
            try:
                return plain(one, seconds)
            finally:
                counting.join()

        return drive

    def _serves(self, one: Running) -> bool:
        try:
            await_workers(one, workers(one.proxy))
        except (*NO_ANSWER, CannotStart) as error:
            warn(f"{one.proxy.name}: cannot be measured: {error}")
            return False
        return True

    def _count(self, one: Running) -> None:
        try:
            counted = connections(one, workers(one.proxy))
        except (*NO_ANSWER, ValueError) as error:
            warn(f"{one.proxy.name}: its connections cannot be counted: {error}")
            return
        if any(counted):
            self.counts.setdefault(one.proxy.name, []).append(counted)


@dataclass(frozen=True)
class Processes:
    """The `plain` load, or that of the chain, on proxies with one worker and with two.

    Attributes:
        users: Who ask by turns, where proxies do the whole chain: the limit of each is in memory that the gateway's
            processes share. 0: the plain load.
    """

    name: str = "processes"
    users: int = 0

    def run(self, stand: Stand, proxies: Sequence[Proxy]) -> Outcome:
        """Measure in interleaved rounds."""
        load = self.load(stand)
        measured = load.run(stand, several(proxies, chain=bool(self.users)))
        shares = spread(load.counts)
        measured.figures |= {f"{self.name}.{name}.busiest": median(parts) for name, parts in shares.items()}
        measured.raw["connections"] = dict(load.counts)
        rows = beside_one(self.name, measured.figures, shares)
        if rows:
            header = ["proxy", "CPU per request, to one worker's", "requests/s, to one's", "busier worker", "at most"]
            title = f"{self.name}: two workers beside one, and what part of {load.connections} connections one has"
            measured.tables.append(Table(title, header, rows))
        return measured

    def load(self, stand: Stand) -> Shared:
        """Return the load."""
        title = "126-byte answers; load and backend share the machine"
        if not self.users:
            return Shared(self.name, title, ANSWER_PATH, ANSWER)
        tokens = [jwt.encode(claims(f"user-{user}"), TOKEN_SECRET, algorithm="HS256") for user in range(self.users)]
        values = stand.file(f"{self.name}.txt")
        values.write_text("".join(f"{token}\n" for token in tokens))
        return Shared(
            self.name,
            f"{title}; JWT of {self.users} user{'s' * (self.users > 1)}, a limit by user, breakers, retries",
            ANSWER_PATH,
            ANSWER,
            headers=fields(),
            first=headers(),
            shown=Shown("Authorization", "Bearer ", values),
        )


def several(proxies: Sequence[Proxy], *, chain: bool) -> list[Proxy]:
    """Return every gateway, and Envoy, with one worker and with two."""
    found: list[Proxy] = []
    for plain in gateways(proxies):
        found += [gateway(plain, count, chain=chain) for count in (1, 2)]
    if any(isinstance(proxy, Envoy) for proxy in proxies):
        found += [envoy(count, chain=chain) for count in (1, 2)]
    return found


def workers(proxy: Proxy) -> int:
    """How many workers a proxy of this scenario has."""
    return 2 if proxy.name.endswith(TWO) else 1


def spread(counts: Mapping[str, Sequence[Sequence[int]]]) -> dict[str, list[float]]:
    """Return what part of the connections the busier worker had, run by run."""
    return {name: [max(counted) / sum(counted) for counted in runs] for name, runs in counts.items()}


def beside_one(scenario: str, found: Mapping[str, float], shares: Mapping[str, Sequence[float]]) -> list[list[str]]:
    """Make the rows of the table of proxies with two workers."""
    rows = []
    for name, parts in shares.items():
        two, one = f"{scenario}.{name}", f"{scenario}.{name.removesuffix(TWO)}"
        if f"{one}.cpu" not in found or f"{two}.cpu" not in found:
            continue
        cpu, rate = (figures.ratio(found[f"{two}.{what}"], found[f"{one}.{what}"]) for what in ("cpu", "rate"))
        rows.append([name, cpu, rate, f"{median(parts):.0%}", f"{max(parts):.0%}"])
    return rows
