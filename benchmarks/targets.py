"""The targets of the project, held against the figures of a run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.figures import Table

Figures = Mapping[str, float]


@dataclass(frozen=True)
class Target:
    """One promise: how its value is computed from a run's figures, and what it must be.

    Attributes:
        value: From the figures and the name of the proxy under judgement; KeyError where one was not measured.
        limit: The value at its worst.
        at_least: Whether more is better.
    """

    text: str
    value: Callable[[Figures, str], float]
    limit: float
    form: str
    at_least: bool = False

    def met(self, value: float) -> bool:
        """Whether a value keeps the promise."""
        return value >= self.limit if self.at_least else value <= self.limit


TARGETS: Sequence[Target] = (
    Target("CPU per request, to Envoy's", lambda f, p: f[f"plain.{p}.cpu"] / f["plain.envoy.cpu"], 1.0, "{:.2f}"),
    Target("requests/s", lambda f, p: f[f"plain.{p}.rate"], 10_000, "{:,.0f}", at_least=True),
    Target("p99 at 64 connections, ms", lambda f, p: f[f"plain.{p}.p99"] * 1e3, 50, "{:.1f}"),
    Target("failed requests, plain", lambda f, p: f[f"plain.{p}.failed"], 0, "{:.0f}"),
    Target("memory at start, MB", lambda f, p: f[f"start.{p}.rss"] / 1e6, 100, "{:.1f}"),
    Target("memory per idle connection, kB", lambda f, p: f[f"idle.{p}.bytes"] / 1e3, 10, "{:.1f}"),
    Target(
        "1 MiB down, bytes per CPU s, to HAProxy's",
        lambda f, p: f["download.haproxy.cpu"] / f[f"download.{p}.cpu"],
        0.5,
        "{:.2f}",
        at_least=True,
    ),
    Target(
        "1 MiB up, bytes per CPU s, to HAProxy's",
        lambda f, p: f["upload.haproxy.cpu"] / f[f"upload.{p}.cpu"],
        0.5,
        "{:.2f}",
        at_least=True,
    ),
    # "About as much": within the ±10 % by which CPU figures vary from run to run.
    Target("CPU with 10,000 routes (10 in use), to 10", lambda f, p: f[f"routes.{p}.10000.10"], 1.1, "{:.2f}"),
    Target(
        "a limit in Redis, µs CPU per request over one in memory",
        lambda f, p: (f[f"limits.{p}+redis.cpu"] - f[f"limits.{p}+memory.cpu"]) * 1e6,
        30,
        "{:.1f}",
    ),
    Target(
        "checks, breakers and retries, quiet, µs CPU per request over plain",
        lambda f, p: (f[f"chain.{p}+quiet.cpu"] - f[f"chain.{p}.cpu"]) * 1e6,
        3,
        "{:.1f}",
    ),
    Target(
        "CPU per request of the whole chain, to Envoy's",
        lambda f, p: f[f"chain.{p}+chain.cpu"] / f["chain.envoy+chain.cpu"],
        1.0,
        "{:.2f}",
    ),
    Target("requests/s through the whole chain", lambda f, p: f[f"chain.{p}+chain.rate"], 10_000, "{:,.0f}", True),
    Target(
        "the chain with its limit in Redis, µs CPU per request over memory",
        lambda f, p: (f[f"chain.{p}+redis.cpu"] - f[f"chain.{p}+chain.cpu"]) * 1e6,
        30,
        "{:.1f}",
    ),
    Target("requests/s of that", lambda f, p: f[f"chain.{p}+redis.rate"], 8_000, "{:,.0f}", at_least=True),
    Target(
        "p99 with one slow backend of four: least_latency, to round_robin",
        lambda f, p: f[f"slow.{p}+least_latency.p99"] / f[f"slow.{p}+round_robin.p99"],
        0.5,
        "{:.2f}",
    ),
    Target(
        "requests/s with a limit in Redis", lambda f, p: f[f"limits.{p}+redis.rate"], 8_000, "{:,.0f}", at_least=True
    ),
)


def judge(figures: Figures, proxy: str) -> Table | None:
    """Make the table of targets that this run can speak about; None if it is about none."""
    rows = []
    for target in TARGETS:
        try:
            value = target.value(figures, proxy)
        except KeyError:
            continue
        sign = "≥" if target.at_least else "≤"
        verdict = "met" if target.met(value) else "MISSED"
        rows.append([target.text, target.form.format(value), f"{sign} {target.limit:,g}", verdict])
    return Table(f"targets: {proxy}", ["target", "measured", "wanted", ""], rows) if rows else None
