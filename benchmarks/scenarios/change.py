"""What a change of one route costs while requests pass: the longest wait of a request, and the time to be in force."""

from __future__ import annotations

import http.client
import re
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from benchmarks.figures import Outcome, Table, median
from benchmarks.progress import say
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
from benchmarks.workload import route_path

COUNTS = (100, 1000, 5000, 20_000)
"""Routes, of which one is changed."""

_PATIENCE = 120.0
_QUIET = 2.0
_AFTERWARDS = 0.5
_SAID = re.compile(r"in force (\d+) ms after it was read")


@dataclass
class Waits:
    """How long requests took, each after the one before on one connection."""

    port: int
    headers: dict[str, str]
    longest: float = 0.0
    failed: int = 0
    _over: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def __enter__(self) -> Waits:
        """Begin to ask."""
        self._thread = threading.Thread(target=self._ask, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        """Ask no more."""
        self._over.set()
        assert self._thread is not None
        self._thread.join()

    def _ask(self) -> None:
        client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=_PATIENCE)
        while not self._over.is_set():
            began = time.monotonic()
            try:
                client.request("GET", route_path(0) + "42", headers=self.headers)
                answer = client.getresponse()
                answer.read()
                self.failed += answer.status != 200
            except NO_ANSWER:
                self.failed += 1
                client.close()
            self.longest = max(self.longest, time.monotonic() - began)
            time.sleep(0.001)
        client.close()


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
        """Measure each proxy with each number of routes, one after the other."""
        outcome = Outcome()
        rows: list[list[str]] = []
        for count in self._counts:
            for proxy in changing(proxies):
                with stand.started([proxy], routes=count) as running:
                    rows += [self._row(stand, one, proxy, count, outcome) for one in running]
        if rows:
            title = (
                f"change: one route of many is changed, median of {stand.rounds}; one request after the other meanwhile"
            )
            header = ["proxy", "routes", "longest wait ms", "without a change", "in force after s", "ms after reading"]
            outcome.tables.append(Table(title, header, rows))
        return outcome

    def _row(self, stand: Stand, running: Running, proxy: Changing, count: int, outcome: Outcome) -> list[str]:
        made = []
        for number in range(1, stand.rounds + 1):
            made.append(one := change(running, proxy, number, stand.headers))
            say(
                f"  change {number}/{stand.rounds}  {proxy.name:<24} {count:>6} routes  "
                f"{one.longest * 1000:>6.1f} ms ({one.quiet * 1000:.1f})  {one.seconds:>6.2f} s"
            )
        longest, quiet = median([one.longest for one in made]), median([one.quiet for one in made])
        seconds = median([one.seconds for one in made])
        read = [one.after_reading for one in made if one.after_reading is not None]
        prefix = f"change.{proxy.name}.{count}"
        outcome.figures |= {
            f"{prefix}.longer": max(0.0, longest - quiet),
            f"{prefix}.seconds": seconds,
            f"{prefix}.failed": sum(one.failed for one in made),
        }
        if read:
            outcome.figures[f"{prefix}.after_reading"] = median(read)
        outcome.raw[f"{proxy.name}.{count}"] = [vars(one) for one in made]
        after = f"{median(read) * 1000:.0f}" if read else "-"
        return [proxy.name, f"{count:,}", f"{longest * 1000:.1f}", f"{quiet * 1000:.1f}", f"{seconds:.2f}", after]


def change(running: Running, proxy: Changing, number: int, headers: Sequence[tuple[str, str]]) -> Changed:
    """Change a route, and wait until it is seen.

    Raises:
        TimeoutError: It is not.
    """
    task, fields = running.task, dict(headers)
    with Waits(task.port, fields) as before:
        time.sleep(_QUIET)
    path = CHANGED.format(version=number) + "42"
    with Waits(task.port, fields) as during:
        time.sleep(0.1)
        began = time.monotonic()
        proxy.change(task, number)
        while _status(task.port, path, fields) != 200:
            if time.monotonic() - began > _PATIENCE:
                raise TimeoutError(f"{proxy.name}: {path} is not there")
            time.sleep(0.005)
        seconds = time.monotonic() - began
        time.sleep(_AFTERWARDS)
    said = _SAID.findall(task.output.read_text(errors="replace"))
    after = int(said[-1]) / 1000 if said else None
    return Changed(before.longest, during.longest, seconds, after, during.failed)


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


def _status(port: int, path: str, headers: dict[str, str]) -> int:
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=_PATIENCE)
    try:
        client.request("GET", path, headers=headers)
        return client.getresponse().status
    except NO_ANSWER:
        return 0
    finally:
        client.close()
