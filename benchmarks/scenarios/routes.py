"""What many routes cost: the gateway with 10,000 routes beside itself with 10."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from benchmarks import figures, wrk
from benchmarks.figures import Outcome, Table, median
from benchmarks.progress import say
from benchmarks.proxies.base import Proxy
from benchmarks.stand import Round, Running, Stand
from benchmarks.workload import route_path

FEW, MANY = 10, 10_000
_CONNECTIONS = 64


class Routes:
    """CPU per request with few and with many routes, for the proxies that take the task."""

    name = "routes"

    def run(self, stand: Stand, proxies: Sequence[Proxy]) -> Outcome:
        """Measure each proxy with both tables at the same time.

        The large table is asked twice: for ten routes spread over it, which shows what finding a route costs,
        and for all of its routes in turn, where no route's data is in the processor's caches.
        """
        outcome = Outcome()
        rows: list[Sequence[str]] = []
        for proxy in proxies:
            with stand.started([proxy], routes=FEW) as few, stand.started([proxy], routes=MANY) as many:
                if few and many:
                    rows += self._compare(stand, few[0], many[0], outcome)
        if rows:
            title = f"routes: small answers; {_CONNECTIONS} connections, {stand.rounds} rounds of {stand.seconds:g} s"
            header = ["proxy", "routes", "asked for", "CPU µs/request", "±", f"to {FEW} routes", "RSS MiB"]
            outcome.tables.append(Table(title, header, rows))
        return outcome

    def _compare(self, stand: Stand, few: Running, many: Running, outcome: Outcome) -> list[list[str]]:
        name = few.proxy.name
        ten = range(FEW)
        spread_out = range(0, MANY, MANY // FEW)
        everything = range(MANY)
        cases = [
            (few, FEW, "all", self._lua(stand, "few", ten)),
            (many, MANY, str(FEW), self._lua(stand, "spread", spread_out)),
            (many, MANY, "all", self._lua(stand, "all", everything)),
        ]
        rounds: list[list[Round]] = [[] for _ in cases]
        for running, _, _, lua in cases:
            stand.warm_up(running, route_path(0), lua, _CONNECTIONS)
        for number in range(stand.rounds):
            for measured, (running, routes, asked, lua) in zip(rounds, cases, strict=True):
                one = stand.measure(running, route_path(0), lua, _CONNECTIONS)
                measured.append(one)
                cpu = figures.micro(one.cpu_per_request)
                say(f"  routes {number + 1}/{stand.rounds}  {name:<18} {cpu:>7} µs  {routes} routes, {asked} asked for")
        base = median([one.cpu_per_request for one in rounds[0]])
        rows = []
        for measured, (_, routes, asked, _) in zip(rounds, cases, strict=True):
            values = [one.cpu_per_request for one in measured]
            cpu_median = median(values)
            outcome.figures[f"routes.{name}.{routes}.{asked}"] = cpu_median / base
            outcome.raw[f"{name}.{routes}.{asked}"] = [asdict(one) for one in measured]
            outcome.figures[f"routes.{name}.failed"] = outcome.figures.get(f"routes.{name}.failed", 0) + sum(
                one.failed for one in measured
            )
            resident = figures.mebi(median([one.rss for one in measured]))
            rows.append(
                [
                    name,
                    f"{routes:,}",
                    asked,
                    figures.micro(cpu_median),
                    f"{figures.spread(values):.0%}",
                    figures.ratio(cpu_median, base),
                    resident,
                ]
            )
        return rows

    def _lua(self, stand: Stand, name: str, numbers: range) -> Path:
        paths = [route_path(number) + "42" for number in numbers]
        return stand.lua(f"routes-{name}", wrk.script(stand.headers, paths=paths))
