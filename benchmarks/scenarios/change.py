"""What a change of one route costs while requests pass: the longest wait of a request, and the time to be in force."""

from __future__ import annotations

import http.client
import re
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks.figures import Outcome, Table, median
from benchmarks.processes import CannotStart
from benchmarks.progress import say, warn
from benchmarks.proxies.base import Proxy
from benchmarks.proxies.changing import (
    CHANGED,
    Changing,
    ChangingCaddy,
    ChangingEnvoy,
    ChangingGateway,
    ChangingGatewayByAPI,
)
from benchmarks.proxies.gateway import Gateway
from benchmarks.stand import NO_ANSWER, Running, Stand
from benchmarks.waits import PATIENCE, Waits
from benchmarks.workload import route_path

COUNTS = (100, 1000, 5000, 20_000)
"""Routes, of which one is changed."""

_QUIET = 2.0
_MOST_QUIET = 5.0
_AFTERWARDS = 0.5
_SAID = re.compile(r"in force (\d+) ms after it was read")


@dataclass(frozen=True)
class Changed:
    """One change; times in seconds.

    Attributes:
        quiet: The longest wait of a request before it.
        longest: The longest wait while it came into force, and shortly afterwards.
        seconds: From when it was asked for until it was seen.
        after_reading: What the gateway says of the time after the configuration was read; None of other proxies.
        failed: Requests without a good answer.
    """

    quiet: float
    longest: float
    seconds: float
    after_reading: float | None
    failed: int


class Change:
    """One route of many is changed, again and again, on each proxy in its own way."""

    name = "change"

    def __init__(self, counts: Sequence[int] = COUNTS) -> None:
        self._counts = counts

    def run(self, stand: Stand, proxies: Sequence[Proxy]) -> Outcome:
        """Measure all proxies with each number of routes, in interleaved rounds."""
        outcome = Outcome()
        rows: list[list[str]] = []
        for count in self._counts:
            with stand.started(changing(proxies), routes=count) as running:

                def make(one: Running, number: int, quiet: float) -> Changed:
                    return change(one, number, stand.headers, quiet)

                for name, made in changes(running, stand.rounds, make).items():
                    outcome.figures |= figures_of(made, f"{self.name}.{name}.{count}")
                    outcome.raw[f"{name}.{count}"] = [vars(one) for one in made]
                    rows.append(_row(name, count, made))
        if rows:
            title = (
                f"change: one route of many is changed, median of {stand.rounds}; one request after the other meanwhile"
            )
            header = ["proxy", "routes", "longest wait ms", "without a change", "in force after ms", "ms after reading"]
            outcome.tables.append(Table(title, header, rows))
        return outcome


def changes(
    running: Sequence[Running], rounds: int, make: Callable[[Running, int, float], Changed]
) -> dict[str, list[Changed]]:
    """Change each proxy once in each round; one that cannot be changed is said and left out from there on.

    Args:
        running: The proxies.
        rounds: How many.
        make: Makes one change: of which proxy, its number, and for how many seconds nothing is changed before. That
            is as long as the change before has taken, since the longest of many waits is longer than that of few.
    """
    made: dict[str, list[Changed]] = {one.proxy.name: [] for one in running}
    usable = list(running)
    for number in range(1, rounds + 1):
        first = (number - 1) % len(usable) if usable else 0
        for one in usable[first:] + usable[:first]:
            name = one.proxy.name
            before = made[name][-1].seconds if made[name] else 0.0
            try:
                changed = make(one, number, min(max(before, _QUIET), _MOST_QUIET))
            except (*NO_ANSWER, CannotStart, RuntimeError, subprocess.SubprocessError) as error:
                warn(f"{name}: cannot be changed: {error}")
                usable.remove(one)
                continue
            made[name].append(changed)
            say(
                f"  change {number}/{rounds}  {name:<24} {one.task.routes:>6} routes  "
                f"{changed.longest * 1000:>6.1f} ms ({changed.quiet * 1000:.1f})  {changed.seconds * 1000:>8,.0f} ms",
                "red" if changed.failed else None,
            )
    return {name: done for name, done in made.items() if done}


def change(running: Running, number: int, headers: Sequence[tuple[str, str]], quiet: float = _QUIET) -> Changed:
    """Change a route, and wait until it is seen.

    Args:
        running: A `Changing` proxy.
        number: Of the change; another each time.
        headers: Sent with every request.
        quiet: For how many seconds it is looked, before, how long requests take without a change.

    Raises:
        CannotStart: It is not seen within two minutes.
    """
    proxy, task, fields = running.proxy, running.task, dict(headers)
    assert hasattr(proxy, "change")
    asked = task.port, route_path(0) + "42", fields
    with Waits(*asked) as waits:
        time.sleep(quiet)
        before = waits.end()
    path = CHANGED.format(version=number) + "42"
    said = _said(running)
    with Waits(*asked) as waits:
        time.sleep(0.1)
        began = time.monotonic()
        proxy.change(task, number)
        while _status(task.port, path, fields) != 200:
            if time.monotonic() - began > PATIENCE:
                raise CannotStart(f"{path} is not there")
            time.sleep(0.002)
        seconds = time.monotonic() - began
        time.sleep(_AFTERWARDS)
        during = waits.end()
    new = _said(running)[len(said) :]
    return Changed(before.longest, during.longest, seconds, new[-1] if new else None, before.failed + during.failed)


def figures_of(made: Sequence[Changed], prefix: str) -> dict[str, float]:
    """Return what the targets are judged by.

    Args:
        made: The changes of one proxy with one number of routes.
        prefix: Of the names.
    """
    found = {
        f"{prefix}.longer": max(0.0, median([one.longest for one in made]) - median([one.quiet for one in made])),
        f"{prefix}.seconds": median([one.seconds for one in made]),
        f"{prefix}.failed": float(sum(one.failed for one in made)),
    }
    if read := _after_reading(made):
        found[f"{prefix}.after_reading"] = median(read)
    return found


def changing(proxies: Sequence[Proxy]) -> list[Changing]:
    """Return the proxies of which the configuration can be changed while they run."""
    found: list[Changing] = []
    for proxy in proxies:
        if isinstance(proxy, Gateway):
            found += [kind(proxy.name, proxy.checkout) for kind in (ChangingGateway, ChangingGatewayByAPI)]
        elif proxy.name == "envoy":
            found.append(ChangingEnvoy())
        elif proxy.name == "caddy":
            found.append(ChangingCaddy())
    return found


def _row(name: str, count: int, made: Sequence[Changed]) -> list[str]:
    longest, quiet, seconds = (
        median([getattr(one, field) for one in made]) * 1000 for field in ("longest", "quiet", "seconds")
    )
    read = _after_reading(made)
    after = f"{median(read) * 1000:.0f}" if read else "-"
    return [name, f"{count:,}", f"{longest:.1f}", f"{quiet:.1f}", f"{seconds:,.0f}", after]


def _after_reading(made: Sequence[Changed]) -> list[float]:
    return [one.after_reading for one in made if one.after_reading is not None]


def _said(running: Running) -> list[float]:
    """Return, in seconds, all that a gateway has said so far of the time after reading."""
    output = running.task.output
    text = output.read_text(errors="replace") if output.exists() else ""
    return [int(said) / 1000 for said in _SAID.findall(text)]


def _status(port: int, path: str, headers: dict[str, str]) -> int:
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    try:
        client.request("GET", path, headers=headers)
        return client.getresponse().status
    except NO_ANSWER:
        return 0
    finally:
        client.close()
