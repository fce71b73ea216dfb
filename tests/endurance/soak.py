"""Hours of traffic, while all that can happen goes on happening: `make soak ARGS='--minutes 240'`.

Clients of HTTP/1.1, HTTP/2 and WebSockets call at fixed times; some go away in the middle; backends are killed,
stopped, slow and broken one after the other; the configuration is changed and loaded again. All the while memory,
descriptors and latency are sampled; in the end their slopes are judged, and written with a chart into
docs/hardening.md.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

from tests.endurance.callers import Callers
from tests.endurance.chart import Line, draw
from tests.endurance.trends import SETTLING, Limit, Trend, trend
from tests.published import PAGE, Table, publish
from tests.system.app_server import app_server
from tests.system.chaos import TRY, Backend
from tests.system.gateway_process import running

FAULTS = ("kill", "stop", "slow", "mute", "cut", "busy")
PICTURE = PAGE.parent / "images" / "soak.svg"
LIMITS = {
    "memory, MiB": Limit(0.05, 4.0),
    "descriptors": Limit(0.1, 8.0),
    "latency, median, ms": Limit(0.5, 5.0),
    "latency, p99, ms": Limit(1.0, 50.0),
}
"""How much each may grow from the beginning of what is judged to the end. Latency is that of a machine which has other
work too, so its limits are for what queues: a leak or a list that grows makes it rise without end."""
ERRORS = 0.001
"""Part of the requests that may fail (R-REL-02), while a backend is well all the time."""


class Sample(NamedTuple):
    """The gateway at one time.

    Attributes:
        time: Seconds since the beginning.
        memory: MiB.
        descriptors: Open ones.
        median: ms, of the requests since the sample before; so is `p99`.
    """

    time: float
    memory: float
    descriptors: int
    median: float
    p99: float


class Outcome(NamedTuple):
    """What came of a run.

    Attributes:
        changes: Configurations that were loaded.
        faults: Times at which backends were harmed.
    """

    seconds: float
    samples: list[Sample]
    done: Counter[str]
    errors: Counter[str]
    changes: int
    faults: list[float]


def configuration(orders: Sequence[Backend], moves: Sequence[Backend], steady: Path, number: int) -> dict[str, Any]:
    """Return what the gateway is told.

    Args:
        orders: Backends of HTTP/1.1.
        moves: Backends of HTTP/2.
        steady: The socket of one that never fails.
        number: Each is another configuration, for the same traffic.
    """
    check = {"interval": 1, "timeout": 0.5}
    passive = {"failures": 3, "window": 10, "eject": 2, "max_ejected_percent": 75}
    breaker = {"timeout": 2, "error_rate": {"min_requests": 1000}}
    upstreams: list[dict[str, Any]] = [
        {
            "name": name,
            "backends": [{"url": backend.url} for backend in backends],
            "health_check": {**check, **kind},
            "passive_health": passive,
            "circuit_breaker": breaker,
        }
        for name, backends, kind in [("orders", orders, {}), ("moves", moves, {"type": "grpc"})]
    ]
    again = {"retry": {"attempts": 3, "per_try_timeout": TRY}}
    limit = {"limit": 1000 + number, "window": 60, "scope": "header:X-Key"}
    return {
        "upstreams": [*upstreams, {"name": "steady", "backends": [{"url": f"unix:{steady}"}]}],
        "routes": [
            {"name": "orders", "path": "/orders/*", "upstream": "orders", **again},
            {"name": "moves", "path": "/moves/*", "upstream": "moves", **again},
            {"name": "limited", "path": "/limited/*", "upstream": "steady", "rate_limit": limit},
            {"name": "steady", "path": "/steady/*", "upstream": "steady"},
            {"name": f"other-{number}", "path": f"/other/{number}/*", "upstream": "steady"},
        ],
    }


class Soak:
    """One run.

    Args:
        directory: For configuration and logs.
        seconds: How long.
        rate: Requests a second by each version of HTTP.
        every: Seconds between two samples.
        seed: For what is left to chance.
    """

    def __init__(self, directory: Path, seconds: float, rate: float, every: float, seed: int) -> None:
        self._directory = directory
        self._seconds = seconds
        self._rate = rate
        self._every = every
        self._random = random.Random(seed)
        self._samples: list[Sample] = []
        self._faults: list[float] = []
        self._changes = 0

    def run(self) -> Outcome:
        """Start everything, let it go on, and end it."""
        with ExitStack() as stack:
            self._orders = [Backend() for _ in range(3)]
            self._moves = [Backend(http2=True) for _ in range(3)]
            for backend in [*self._orders, *self._moves]:
                stack.callback(backend.end)
                backend.start()
            self._steady = self._directory / "steady.sock"
            stack.enter_context(app_server(self._steady))
            self._gateway = stack.enter_context(running(self._directory, **self._configuration()))
            self._callers = Callers(self._gateway.port, self._rate, 8, self._random)
            asyncio.run(self._all())
            assert self._gateway.answers()
            loaded = self._gateway.metric("gateway_config_reloads_total")
        callers = self._callers
        return Outcome(self._seconds, self._samples, callers.done, callers.errors, int(loaded), self._faults)

    def _configuration(self) -> dict[str, Any]:
        return configuration(self._orders, self._moves, self._steady, self._changes)

    async def _all(self) -> None:
        self._began = time.monotonic()
        others = [asyncio.ensure_future(one) for one in (self._sample(), self._change(), self._harm())]
        await self._callers.run(self._seconds)
        for other in others:
            other.cancel()
        for result in await asyncio.gather(*others, return_exceptions=True):
            if isinstance(result, Exception):
                raise result

    async def _sample(self) -> None:
        process = self._gateway.process
        assert process is not None
        while True:
            await asyncio.sleep(self._every)
            times, self._callers.times = sorted(self._callers.times), []
            if times:
                median, p99 = (times[int(len(times) * part)] * 1000 for part in (0.5, 0.99))
                descriptors = sum(1 for _ in Path(f"/proc/{process.pid}/fd").iterdir())
                memory = self._gateway.memory / (1 << 20)
                self._samples.append(Sample(time.monotonic() - self._began, memory, descriptors, median, p99))

    async def _change(self) -> None:
        """Load another configuration every ten seconds, or four times in a short run."""
        while True:
            await asyncio.sleep(min(10.0, self._seconds / 5))
            self._changes += 1
            self._gateway.configure(**self._configuration())
            self._gateway.signal(signal.SIGHUP)

    async def _harm(self) -> None:
        """Harm one backend of each kind after the other, and give it time to come back."""
        for turn, fault in enumerate(itertools.cycle(FAULTS)):
            victim = (self._orders, self._moves)[turn % 2][turn // 2 % 3]
            await asyncio.sleep(min(5.0, self._seconds / 10))
            self._faults.append(time.monotonic() - self._began)
            await asyncio.to_thread(victim.harm, fault)
            await asyncio.sleep(2)
            await asyncio.to_thread(victim.heal, fault)


def trends(outcome: Outcome) -> dict[str, Trend]:
    """Judge what was sampled."""
    samples = outcome.samples
    times = [sample.time for sample in samples]
    figures = {
        "memory, MiB": [sample.memory for sample in samples],
        "descriptors": [float(sample.descriptors) for sample in samples],
        "latency, median, ms": [sample.median for sample in samples],
        "latency, p99, ms": [sample.p99 for sample in samples],
    }
    return {name: trend(times, figures[name], limit) for name, limit in LIMITS.items()}


def failed(outcome: Outcome) -> float:
    """Return which part of what was asked went wrong."""
    wrong = outcome.errors.total()
    return wrong / max(1, outcome.done.total() + wrong)


def tables(outcome: Outcome, judged: dict[str, Trend], about: str) -> list[Table]:
    """Lay a run out."""
    flat = [
        [
            name,
            *(f"{figure:.1f}" for figure in (one.first, one.last, one.highest)),
            f"{one.growth:+.2f}",
            f"{one.allowed:.2f}",
            f"{one.hourly:+.2f}",
            "met" if one.flat else "MISSED",
        ]
        for name, one in judged.items()
    ]
    counts = [[name, f"{count:,}", "0"] for name, count in sorted(outcome.done.items())]
    counts += [[name, "0", f"{count:,}"] for name, count in sorted(outcome.errors.items())]
    counts += [
        ["configurations loaded", f"{outcome.changes:,}", "0"],
        ["faults of backends", f"{len(outcome.faults):,}", "0"],
    ]
    part = failed(outcome)
    counts.append(["all, failed", f"{part:.4%}", "met" if part <= ERRORS else "MISSED"])
    return [
        Table(
            f"soak: {outcome.seconds / 60:.4g} minutes, {about}; the first {SETTLING:.0%} is not judged",
            ["figure", "first", "last", "highest", "growth", "allowed", "in an hour", "verdict"],
            flat,
        ),
        Table("what was done: by clients, to the gateway and to its backends", ["what", "done", "wrong"], counts),
    ]


def picture(outcome: Outcome) -> str:
    """Draw a run."""
    samples = outcome.samples
    return draw(
        [sample.time for sample in samples],
        [
            Line("Resident memory, MiB", [sample.memory for sample in samples]),
            Line("Open descriptors", [sample.descriptors for sample in samples]),
            Line("Latency, median, ms", [sample.median for sample in samples]),
            Line("Latency, p99, ms (orange: a backend is harmed)", [sample.p99 for sample in samples], outcome.faults),
        ],
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run, judge, show; 1 where something grows or too much went wrong."""
    parser = argparse.ArgumentParser(prog="make soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0, help="how long; hours find what minutes cannot")
    parser.add_argument("--rate", type=float, default=20.0, help="requests a second by each version of HTTP")
    parser.add_argument("--seed", type=int, default=1, help="for what is left to chance")
    parser.add_argument("--publish", action="store_true", help="write table and chart into docs/hardening.md")
    options = parser.parse_args(arguments)
    seconds = options.minutes * 60
    with tempfile.TemporaryDirectory() as place:
        outcome = Soak(Path(place), seconds, options.rate, min(5.0, seconds / 40), options.seed).run()
    judged = trends(outcome)
    kind = "compiled" if os.environ.get("GATEWAY_CODE") else "interpreted"
    shown = tables(
        outcome, judged, f"{options.rate:g} requests a second by each version of HTTP, seed {options.seed}, {kind}"
    )
    if options.publish:
        PICTURE.write_text(picture(outcome))
    publish(
        "soak",
        shown,
        options.publish,
        picture=f"![Memory, descriptors and latency over the run](images/{PICTURE.name})",
    )
    return 0 if all(one.flat for one in judged.values()) and failed(outcome) <= ERRORS else 1


if __name__ == "__main__":
    sys.exit(main())
