"""Calls at fixed rates, by k6: `make load`. Baseline, stress, spike and rate limit, held against what was promised.

An open loop: a call begins when it is due, whether or not others have been answered, as those of people do. So what
waits in a queue is in the percentiles. A closed loop (wrk, h2load) has a fixed number of connections, each of which
waits for its answer before it asks again: where the gateway is slow it asks less, and its p99 hides what would have
queued.

Overhead is what the same calls take with the gateway, less what they take without it, percentile by percentile.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import psutil

from tests.published import Table, publish
from tests.system.chaos import Backend
from tests.system.gateway_process import running

SCRIPT = Path(__file__).with_name("load.js")
OVERHEAD = {"median": 5.0, "p95": 15.0, "p99": 50.0}
"""ms that the gateway may add (R-PERF-02)."""
WHOLE = 50.0
"""ms that 95 of 100 calls may take in all (R-PERF-04)."""
ERRORS = 0.001
"""Part of the calls that may fail (R-REL-02)."""
BASE = 100.0
"""MiB that a gateway may occupy before it serves (R-PERF-05)."""
LIMIT = 100
"""Requests a second that the limited route lets through."""


class Called(NamedTuple):
    """What k6 saw of one scenario.

    Attributes:
        asked: Calls a second that were due, at most.
        done: Calls made.
        seconds: It took.
        median: ms; so are `p95`, `p99` and `longest`.
        refused: Answered with 429.
        wrong: Answered with anything else but 200, or not at all.
        dropped: Due, but not begun, since all callers were waiting for answers.
        cpu: Part of a core that the gateway used.
    """

    name: str
    asked: int
    done: int
    seconds: float
    median: float
    p95: float
    p99: float
    longest: float
    refused: int
    wrong: int
    dropped: int
    cpu: float

    @property
    def failed(self) -> float:
        """Part of what was due that went wrong or was never begun."""
        return (self.wrong + self.dropped) / max(1, self.done + self.dropped)


def steady(rate: int, seconds: float) -> dict[str, Any]:
    """Return the scenario of one rate."""
    return {
        "executor": "constant-arrival-rate",
        "rate": rate,
        "timeUnit": "1s",
        "duration": f"{seconds:g}s",
        **_callers(rate),
    }


def spike(low: int, high: int, seconds: float) -> dict[str, Any]:
    """Return the scenario of a rate that is low, jumps up for a third of the time, and is low again."""
    third = f"{seconds / 3:g}s"
    stages = [(low, third), (high, "0s"), (high, third), (low, "0s"), (low, third)]
    return {
        "executor": "ramping-arrival-rate",
        "startRate": low,
        "timeUnit": "1s",
        "stages": [{"target": target, "duration": duration} for target, duration in stages],
        **_callers(high),
    }


def _callers(rate: int) -> dict[str, int]:
    return {"preAllocatedVUs": min(400, max(20, rate // 4)), "maxVUs": min(1000, max(100, rate))}


def read(name: str, asked: int, metrics: Mapping[str, Any], seconds: float, cpu: float) -> Called:
    """Read k6's summary."""

    def count(metric: str) -> int:
        return int(metrics.get(metric, {}).get("values", {}).get("count", 0))

    times = metrics["http_req_duration"]["values"]
    return Called(
        name,
        asked,
        count("http_reqs"),
        seconds,
        times["med"],
        times["p(95)"],
        times["p(99)"],
        times["max"],
        count("refused"),
        count("wrong"),
        count("dropped_iterations"),
        cpu,
    )


class Caller:
    """Runs k6.

    Args:
        program: k6 itself.
        directory: For what it writes.
        gateway: The gateway's process.
    """

    def __init__(self, program: str, directory: Path, gateway: int) -> None:
        self._program = program
        self._summary = directory / "summary.json"
        self._gateway = psutil.Process(gateway)

    def call(self, name: str, url: str, asked: int, scenario: Mapping[str, Any]) -> Called:
        """Run one scenario.

        Raises:
            RuntimeError: k6 says why it does not.
        """
        environment = {**os.environ, "SCENARIO": json.dumps(scenario), "URL": url, "SUMMARY": str(self._summary)}
        # Not one word to anybody else.
        command = [self._program, "run", "--quiet", "--no-usage-report", "--address", "", str(SCRIPT)]
        used, began = self._used(), time.monotonic()
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        seconds = time.monotonic() - began
        if done.returncode:
            raise RuntimeError(f"k6 ended with {done.returncode}: {done.stderr[-1000:]}")
        cpu = (self._used() - used) / seconds
        return read(name, asked, json.loads(self._summary.read_text()), seconds, cpu)

    def _used(self) -> float:
        times = self._gateway.cpu_times()
        return times.user + times.system


def configuration(backends: Sequence[str]) -> dict[str, Any]:
    """Return the gateway's: a plain route, and one that is limited; its log is written as any operator's is."""
    return {
        "upstreams": [{"name": "orders", "backends": [{"url": url} for url in backends]}],
        "routes": [
            {"name": "orders", "path": "/orders/*", "upstream": "orders"},
            {
                "name": "limited",
                "path": "/limited/*",
                "upstream": "orders",
                "rate_limit": {"rate": f"{LIMIT}/s", "burst": LIMIT},
            },
        ],
    }


def play(program: str, directory: Path, rates: Sequence[int], seconds: float) -> tuple[list[Called], float]:
    """Play all scenarios; returns what came of each, and the MiB of the gateway before the first.

    Args:
        program: k6 itself.
        directory: For configuration and logs.
        rates: Of the baseline, and then of the stress.
        seconds: Each rate is held.
    """
    with ExitStack() as stack:
        backends = [Backend(), Backend()]
        for backend in backends:
            stack.callback(backend.end)
            backend.start()
        gateway = stack.enter_context(running(directory, **configuration([backend.url for backend in backends])))
        memory = gateway.memory / (1 << 20)
        assert gateway.process is not None
        caller = Caller(program, directory, gateway.process.pid)
        base = rates[0]
        url, direct = f"{gateway.url}/orders/1", f"{backends[0].url}/orders/1"
        caller.call("warm-up", url, base, steady(base, seconds / 2))
        found = [
            caller.call("without the gateway", direct, base, steady(base, seconds)),
            caller.call("baseline", url, base, steady(base, seconds)),
            *(caller.call("stress", url, rate, steady(rate, seconds)) for rate in rates[1:]),
            caller.call("spike", url, rates[-1], spike(base, rates[-1], 2 * seconds)),
            caller.call("after all that", url, base, steady(base, seconds)),
            caller.call("rate limit", f"{gateway.url}/limited/1", 3 * LIMIT, steady(3 * LIMIT, seconds)),
        ]
    return found, memory


def judge(found: Sequence[Called], memory: float, seconds: float) -> list[list[str]]:
    """Hold what was measured against what was promised."""
    named = {called.name: called for called in found}
    direct, base, limited = named["without the gateway"], named["baseline"], named["rate limit"]
    rows = []

    def met(what: str, measured: str, promised: str, so: bool) -> None:
        rows.append([what, measured, promised, "met" if so else "MISSED"])

    for figure, most in OVERHEAD.items():
        added = getattr(base, figure) - getattr(direct, figure)
        met(f"overhead, {figure} (R-PERF-02)", f"{added:.1f} ms", f"< {most:g} ms", added < most)
    met("95 of 100 calls (R-PERF-04)", f"{base.p95:.1f} ms", f"< {WHOLE:g} ms", base.p95 < WHOLE)
    met("failed, baseline (R-REL-02)", f"{base.failed:.3%}", f"< {ERRORS:.1%}", base.failed < ERRORS)
    met("memory at the start (R-PERF-05)", f"{memory:.1f} MiB", f"< {BASE:g} MiB", memory < BASE)
    passed = limited.done - limited.refused
    # A bucket that is full, and what runs in meanwhile.
    most = LIMIT + LIMIT * limited.seconds
    least = LIMIT * seconds * 0.9
    so = limited.wrong == 0 and least <= passed <= most
    met("let through by the limit (R-TEST-05)", f"{passed}", f"{least:.0f} to {most:.0f}", so)
    held = [
        called.asked for called in found if called.name == "stress" and called.failed < ERRORS and called.p99 < WHOLE
    ]
    rows.append(
        [
            "highest rate that was held, p99 < 50 ms",
            f"{max(held, default=0)}/s",
            "R-PERF-01 is by docs/performance.md",
            "",
        ]
    )
    return rows


def tables(found: Sequence[Called], memory: float, seconds: float) -> list[Table]:
    """Lay a run out."""
    rows = [
        [
            called.name,
            f"{called.asked}",
            f"{called.done:,}",
            *(f"{figure:.1f}" for figure in (called.median, called.p95, called.p99, called.longest)),
            f"{called.refused:,}",
            f"{called.wrong:,}",
            f"{called.dropped:,}",
            f"{called.cpu:.0%}",
        ]
        for called in found
    ]
    header = ["calls", "due a second", "made", "median ms", "p95", "p99", "longest", "429", "wrong", "not begun", "CPU"]
    return [
        Table(f"load: an open loop, each rate for {seconds:g} s, k6 on the same machine", header, rows),
        Table(
            "held against: what the requirements promise",
            ["what", "measured", "promised", "verdict"],
            judge(found, memory, seconds),
        ),
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    """Play, judge, show; 1 where a promise is not kept."""
    parser = argparse.ArgumentParser(
        prog="make load", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=20.0, help="each rate is held")
    parser.add_argument(
        "--rates", type=int, nargs="+", default=[200, 500, 1000, 2000, 4000], help="baseline, then stress"
    )
    parser.add_argument("--publish", action="store_true", help="write the tables into docs/hardening.md")
    options = parser.parse_args(arguments)
    program = os.environ.get("K6") or shutil.which("k6")
    if program is None:
        parser.error("k6 is not there: `make load` installs it")
    with tempfile.TemporaryDirectory() as place:
        found, memory = play(program, Path(place), options.rates, options.seconds)
    shown = tables(found, memory, options.seconds)
    publish("load", shown, options.publish)
    return 1 if any(row[-1] == "MISSED" for table in shown for row in table.rows) else 0


if __name__ == "__main__":
    sys.exit(main())
