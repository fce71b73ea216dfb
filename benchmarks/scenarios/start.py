"""How soon a proxy answers after it was started, and what it occupies then."""

from __future__ import annotations

import contextlib
import http.client
import time
from collections.abc import Sequence

from benchmarks import figures, usage
from benchmarks.figures import Outcome, Table, median
from benchmarks.progress import say
from benchmarks.proxies.base import Proxy
from benchmarks.stand import Stand


class Start:
    """Time to the first answer, and memory after it."""

    name = "start"

    def run(self, stand: Stand, proxies: Sequence[Proxy]) -> Outcome:
        """Start each proxy once in each round."""
        seconds: dict[str, list[float]] = {}
        resident: dict[str, list[float]] = {}
        proportional: dict[str, list[float]] = {}
        usable = list(proxies)
        for number in range(stand.rounds):
            for proxy in list(usable):
                began = time.monotonic()
                running = stand.start(proxy)  # returns after the first answer
                if running is None:
                    usable.remove(proxy)
                    continue
                took = time.monotonic() - began
                with running.process, contextlib.suppress(OSError, http.client.HTTPException):
                    occupied = usage.rss(running.pid)
                    seconds.setdefault(proxy.name, []).append(took)
                    resident.setdefault(proxy.name, []).append(occupied)
                    proportional.setdefault(proxy.name, []).append(usage.pss(running.pid))
                    say(f"  start {number + 1}/{stand.rounds}  {proxy.name:<18} {took:>7.2f} s  {occupied >> 20} MiB")
        rows = [
            [
                name,
                f"{median(seconds[name]):.2f}",
                *(figures.mebi(median(sizes[name])) for sizes in (resident, proportional)),
            ]
            for name in seconds
        ]
        raw = {name: {"seconds": seconds[name], "rss": resident[name], "pss": proportional[name]} for name in seconds}
        outcome = Outcome(raw=raw)
        for name in seconds:
            outcome.figures |= {
                f"start.{name}.seconds": median(seconds[name]),
                f"start.{name}.rss": median(resident[name]),
            }
        title = f"start: until the first answer came through, median of {stand.rounds}"
        if rows:
            outcome.tables.append(Table(title, ["proxy", "seconds", "RSS MiB", "PSS MiB"], rows))
        return outcome
