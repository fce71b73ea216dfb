"""Requests through wrk, in interleaved rounds.

The order is A B C, B C A, C A B: whatever else the machine does then hits all proxies alike, and none is
always first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass

from benchmarks import figures, wrk
from benchmarks.figures import Outcome, Table, median
from benchmarks.processes import CannotStart
from benchmarks.progress import say, warn
from benchmarks.proxies.base import Proxy
from benchmarks.stand import NO_ANSWER, Drive, Round, Running, Stand
from benchmarks.workload import MEBIBYTE, Headers

ENVOY = "envoy"
HAPROXY = "haproxy"


@dataclass(frozen=True)
class Load:
    """One load on every proxy.

    Attributes:
        path: What is asked for.
        connections: Held by the load generator, each with one request in flight.
        answer: The body that must come back; None for any.
        upload: Bytes of body with each request; 0: none.
        transfer: Body bytes that one request moves; 0: too few to be reported.
        numbered: Name of a field with another number in each request.
        shown: A field with another value in each request.
        headers: Sent with every request, in place of the stand's own.
        first: The headers of the first request, by which a proxy shows that it does the work; as `headers` for None.
    """

    name: str
    title: str
    path: str
    answer: bytes | None = None
    connections: int = 64
    tls: bool = False
    upload: int = 0
    transfer: int = 0
    numbered: str = ""
    shown: wrk.Shown | None = None
    headers: Headers | None = None
    first: Headers | None = None

    def run(self, stand: Stand, proxies: Sequence[Proxy]) -> Outcome:
        """Start all proxies, warm them up, and measure one at a time."""
        with self.started(stand, proxies) as started:
            running = [one for one in started if self._does_it(stand, one)]
            rounds = interleaved(stand, running, self.name, self.drive(stand), self.watched)
            self.look(running, rounds)
        _expect_logs(running)
        return self._report(running, rounds, stand)

    def started(self, stand: Stand, proxies: Sequence[Proxy]) -> AbstractContextManager[list[Running]]:
        """Run the proxies that can do the load's task."""
        return stand.started(proxies, tls=self.tls, headers=self.first or self.headers)

    def drive(self, stand: Stand) -> Drive:
        """Return what loads a proxy."""
        method = "POST" if self.upload else "GET"
        headers = stand.headers if self.headers is None else self.headers
        text = wrk.script(headers, method, self.upload, numbered=self.numbered, shown=self.shown)
        lua = stand.lua(self.name, text)
        return lambda one, seconds: wrk.run(one.task.url(self.path), lua, seconds, self.connections)

    @property
    def content(self) -> bytes:
        """What the first request has for a body."""
        return bytes(self.upload)

    @property
    def held(self) -> str:
        """What the load generator holds, for the title."""
        return f"{self.connections} connections"

    @property
    def watched(self) -> int:
        """How many requests must always be in flight, for connections that wait in vain to be noticed."""
        return self.connections

    def look(self, running: Sequence[Running], rounds: Mapping[str, list[Round]]) -> None:
        """Look, while the proxies still run, whether they did what is claimed; here there is nothing more to ask."""

    def _does_it(self, stand: Stand, one: Running) -> bool:
        try:
            stand.expect(one.task, self.path, self.answer, self.content, self.first or self.headers)
        except (*NO_ANSWER, CannotStart) as error:
            warn(f"{one.proxy.name}: does not do {self.name}: {error}")
            return False
        return True

    def _report(self, running: list[Running], rounds: dict[str, list[Round]], stand: Stand) -> Outcome:
        cpu = {name: median([one.cpu_per_request for one in measured]) for name, measured in rounds.items()}
        header = ["proxy", "CPU µs/request", "±", "to Envoy", "requests/s", "p50 ms", "p99 ms", "failed", "RSS MiB"]
        if self.transfer:
            header += ["MiB per CPU s", "to HAProxy"]
        outcome = Outcome(raw={name: [asdict(one) for one in measured] for name, measured in rounds.items()})
        rows = []
        for name, measured in rounds.items():
            _expect_whole_answers(name, measured, len(self.answer or b"") or (0 if self.upload else self.transfer))
            rate = median([one.load.requests / one.load.seconds for one in measured])
            p99 = median([one.load.p99 for one in measured])
            failed = sum(one.failed for one in measured)
            row = [
                name,
                figures.micro(cpu[name]),
                f"{figures.spread([one.cpu_per_request for one in measured]):.0%}",
                figures.ratio(cpu[name], beside(cpu, name)),
                f"{rate:,.0f}",
                figures.milli(median([one.load.p50 for one in measured])),
                figures.milli(p99),
                str(failed),
                figures.mebi(median([one.rss for one in measured])),
            ]
            if self.transfer:
                row += [f"{self.transfer / cpu[name] / MEBIBYTE:,.0f}", figures.ratio(1 / cpu[name], _inverse(cpu))]
            rows.append(row)
            key = f"{self.name}.{name}"
            outcome.figures |= {
                f"{key}.cpu": cpu[name],
                f"{key}.rate": rate,
                f"{key}.p99": p99,
                f"{key}.failed": failed,
            }
        notes = [f"{one.proxy.name}: {one.proxy.does}" for one in running]
        what = f"{self.title}; {self.held}, {stand.rounds} rounds of {stand.seconds:g} s, medians"
        outcome.tables.append(Table(f"{self.name}: {what}", header, rows, notes))
        return outcome


def beside(cpu: Mapping[str, float], name: str) -> float | None:
    """Return what Envoy costs that does the same as a proxy: with the same addition to its name, else plain."""
    variant = f"{ENVOY}+{name.partition('+')[2]}"
    return next((cpu[one] for one in (variant, ENVOY, f"{ENVOY}+chain") if one in cpu), None)


def interleaved(
    stand: Stand, running: list[Running], scenario: str, drive: Drive, watched: int
) -> dict[str, list[Round]]:
    """Measure every proxy once in each round, starting with another one each time.

    A proxy on which the load generator fails is left out from there on.
    """
    rounds: dict[str, list[Round]] = {one.proxy.name: [] for one in running}
    usable = list(running)
    for one in running:
        try:
            drive(one, 1)  # pools fill, caches warm
        except wrk.LoadFailed as error:
            warn(f"{one.proxy.name}: {error}")
            usable.remove(one)
    for number in range(stand.rounds):
        first = number % len(usable) if usable else 0
        for one in usable[first:] + usable[:first]:
            try:
                measured = stand.measured(one, drive, watched)
            except wrk.LoadFailed as error:
                warn(f"{one.proxy.name}: {error}")
                usable.remove(one)
                continue
            rounds[one.proxy.name].append(measured)
            _tell(scenario, number + 1, stand.rounds, one.proxy.name, measured)
    return {name: measured for name, measured in rounds.items() if measured}


def _tell(scenario: str, number: int, of: int, name: str, measured: Round) -> None:
    rate = measured.load.requests / measured.load.seconds
    text = (
        f"  {scenario} {number}/{of}  {name:<18} {figures.micro(measured.cpu_per_request):>7} µs  {rate:>9,.0f} req/s"
    )
    failed = measured.failed
    say(f"{text}  {failed} failed" if failed else text, "red" if failed else None)


def _expect_logs(running: list[Running]) -> None:
    """Look that each proxy did write the log that its note claims; HAProxy's is its output."""
    for one in running:
        written = sum(path.stat().st_size for path in (one.task.access_log, one.task.output) if path.exists())
        if written < MEBIBYTE // 100 and "log" in one.proxy.does:
            warn(f"{one.proxy.name}: hardly any access log was written ({written} bytes)")


def _expect_whole_answers(name: str, measured: list[Round], size: int) -> None:
    for one in measured:
        if one.load.received < one.load.requests * size:
            warn(f"{name}: answers were cut short: {one.load.received} bytes in {one.load.requests} of {size}")


def _inverse(cpu: dict[str, float]) -> float | None:
    return 1 / cpu[HAPROXY] if HAPROXY in cpu else None
