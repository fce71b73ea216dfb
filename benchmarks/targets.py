"""The targets of the project, held against the figures of a run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.figures import Table

Figures = Mapping[str, float]
Value = Callable[[Figures, str], float]
"""From the figures and the name of the proxy under judgement; KeyError where one of them was not measured."""


@dataclass(frozen=True)
class Target:
    """One promise: how its value is computed from a run's figures, and what it must be.

    Attributes:
        limit: The value at its worst.
        at_least: Whether more is better.
    """

    text: str
    value: Value
    limit: float
    form: str = "{:.2f}"
    at_least: bool = False

    def met(self, value: float) -> bool:
        """Whether a value keeps the promise."""
        return value >= self.limit if self.at_least else value <= self.limit

    def said(self, figures: Figures, proxy: str) -> str:
        """Return the value as it stands in the table, a dash where it was not measured."""
        try:
            return self.form.format(self.value(figures, proxy))
        except KeyError:
            return "-"


def figure(name: str, unit: float = 1.0) -> Value:
    """Return what reads a figure: `plain.{}.rate`, with the proxy's name for the braces."""
    return lambda figures, proxy: figures[name.format(proxy)] * unit


def ratio(name: str, other: str) -> Value:
    """Return what divides a figure by another, which has the proxy's name in it or a peer's."""
    return lambda figures, proxy: figures[name.format(proxy)] / figures[other.format(proxy)]


def more(name: str, other: str) -> Value:
    """Return what says how many µs a figure is over another."""
    return lambda figures, proxy: (figures[name.format(proxy)] - figures[other.format(proxy)]) * 1e6


def beyond(name: str, without: str, other: str, other_without: str, least: float) -> Value:
    """Return what says by how many µs an addition exceeds a peer's addition, or `least`, whichever is more."""

    def value(figures: Figures, proxy: str) -> float:
        return more(name, without)(figures, proxy) - max(more(other, other_without)(figures, proxy), least)

    return value


def failed(figures: Figures, proxy: str) -> float:
    """Add up the failed requests of a proxy and of its variants, over all loads."""
    counts = [
        value
        for name, value in figures.items()
        if name.endswith(".failed") and name.split(".")[1].partition("+")[0] == proxy
    ]
    if not counts:
        raise KeyError(proxy)
    return sum(counts)


TARGETS: Sequence[Target] = (
    Target("CPU per request, to Envoy's", ratio("plain.{}.cpu", "plain.envoy.cpu"), 0.55),
    Target("CPU per request, to that of nginx with its JSON log", ratio("plain.{}.cpu", "plain.nginx.cpu"), 1.5),
    Target("requests/s", figure("plain.{}.rate"), 30_000, "{:,.0f}", at_least=True),
    Target("p99 at 64 connections, ms", figure("plain.{}.p99", 1e3), 50, "{:.1f}"),
    Target("new heads: CPU per request, to Envoy's", ratio("new-heads.{}.cpu", "new-heads.envoy.cpu"), 0.8),
    Target("chain: CPU per request, to Envoy's", ratio("chain.{}+chain.cpu", "chain.envoy+chain.cpu"), 0.6),
    Target("chain: requests/s", figure("chain.{}+chain.rate"), 22_000, "{:,.0f}", at_least=True),
    # Load generator and backend have the same cores: a machine of its own gives more.
    Target("one process, the whole chain: requests/s", figure("chain.{}+chain.rate"), 10_000, "{:,.0f}", at_least=True),
    # At a pace: at the full rate a turn of the loop has many requests, and each is cheaper.
    Target("R-PERF-06, the whole chain at 5,000 requests/s: of a core", figure("paced.{}+chain.cpu", 5_000), 0.5),
    Target("two processes: CPU per request, to one's", ratio("processes.{}+two.cpu", "processes.{}.cpu"), 1.1),
    Target("plain over TLS: CPU per request, to Envoy's", ratio("tls.{}.cpu", "tls.envoy.cpu"), 0.8),
    Target(
        "chain over TLS: CPU per request, to Envoy's",
        ratio("chain-tls.{}+chain.cpu", "chain-tls.envoy+chain.cpu"),
        0.85,
    ),
    # By CPU: how many there are in a second depends on what the clients leave of the machine.
    Target(
        "full TLS handshakes, ECDSA P-256: a CPU second's, to Envoy's",
        ratio("handshakes-ecdsa.envoy.cpu", "handshakes-ecdsa.{}.cpu"),
        0.8,
        at_least=True,
    ),
    Target(
        "full TLS handshakes, RSA 2048: a CPU second's, to Envoy's",
        ratio("handshakes-rsa.envoy.cpu", "handshakes-rsa.{}.cpu"),
        0.8,
        at_least=True,
    ),
    Target(
        "chain, limit in Redis: CPU per request, to Envoy's with its local limit",
        ratio("chain.{}+redis.cpu", "chain.envoy+chain.cpu"),
        0.85,
    ),
    Target(
        "chain, limit in Redis: µs CPU per request over memory",
        more("chain.{}+redis.cpu", "chain.{}+chain.cpu"),
        10,
        "{:.1f}",
    ),
    Target(
        "JWT never seen before, RS256: CPU per request, to Envoy's without cache",
        ratio("fresh-tokens-RS256.{}+RS256.cpu", "fresh-tokens-RS256.envoy+RS256.cpu"),
        1.2,
    ),
    Target(
        "JWT never seen before, ES256: CPU per request, to Envoy's without cache",
        ratio("fresh-tokens-ES256.{}+ES256.cpu", "fresh-tokens-ES256.envoy+ES256.cpu"),
        1.2,
    ),
    # Envoy has no keys in Redis. RS256 is the signature that it verifies fastest.
    Target(
        "API key in Redis never seen before: CPU per request, to Envoy's for a JWT (RS256)",
        ratio("fresh-keys.{}+keys.cpu", "fresh-tokens-RS256.envoy+RS256.cpu"),
        1.2,
    ),
    Target(
        "1 MiB down, bytes per CPU s, to HAProxy's",
        ratio("download.haproxy.cpu", "download.{}.cpu"),
        1.0,
        at_least=True,
    ),
    Target("1 MiB up, bytes per CPU s, to HAProxy's", ratio("upload.haproxy.cpu", "upload.{}.cpu"), 1.0, at_least=True),
    Target("HTTP/2 with TLS: CPU per request, to Envoy's", ratio("h2.{}.cpu", "h2.envoy.cpu"), 1.0),
    Target("HTTP/2 on both sides: CPU per request, to Envoy's", ratio("h2c-h2c.{}.cpu", "h2c-h2c.envoy.cpu"), 1.1),
    Target("gRPC: CPU per call, to Envoy's", ratio("grpc.{}.cpu", "grpc.envoy.cpu"), 1.2),
    Target(
        "100 MiB down over HTTP/2 with TLS, bytes per CPU s, to Envoy's",
        ratio("h2-download.envoy.cpu", "h2-download.{}.cpu"),
        0.5,
        at_least=True,
    ),
    Target("memory at start, MB", figure("start.{}.rss", 1e-6), 80, "{:.1f}"),
    Target("memory per idle connection, kB", figure("idle.{}.bytes", 1e-3), 4.6, "{:.1f}"),
    Target("memory per idle connection with TLS, kB", figure("idle-tls.{}.bytes", 1e-3), 25, "{:.1f}"),
    Target("memory per idle connection of HTTP/2, kB", figure("idle-h2.{}.bytes", 1e-3), 20, "{:.1f}"),
    # "About as much": within the ±10 % by which CPU figures vary from run to run.
    Target("CPU with 10,000 routes (10 in use), to 10", figure("routes.{}.10000.10"), 1.1),
    Target(
        "checks, breakers and retries, quiet: µs CPU per request over plain",
        more("chain.{}+quiet.cpu", "chain.{}.cpu"),
        3,
        "{:.1f}",
    ),
    Target(
        "a prefix stripped, two fields added each way: µs CPU per request over plain",
        more("transform.{}+rules.cpu", "transform.{}.cpu"),
        4,
        "{:.1f}",
    ),
    Target(
        "a plugin whose three hooks do nothing: µs CPU per request over plain",
        more("plugin.{}+plugin.cpu", "plugin.{}.cpu"),
        4.5,
        "{:.1f}",
    ),
    Target(
        "one trace of a hundred exported: µs CPU per request over none",
        more("traced.{}+few.cpu", "traced.{}.cpu"),
        2,
        "{:.1f}",
    ),
    Target(
        "every trace exported: µs CPU per request over what that adds to Envoy, or over 20 µs",
        beyond("traced.{}+all.cpu", "traced.{}.cpu", "traced.envoy+all.cpu", "traced.envoy.cpu", 20),
        0,
        "{:.1f}",
    ),
    Target(
        "a kept answer of 1 kB: CPU per request, to one that the backend gives",
        ratio("cache-hit.{}+cache.cpu", "cache-hit.{}.cpu"),
        0.5,
    ),
    Target(
        "a kept answer of 1 kB: CPU per request, to that of nginx's `proxy_cache`",
        ratio("cache-hit.{}+cache.cpu", "cache-hit.nginx+cache.cpu"),
        1.5,
    ),
    Target("kept answers/s", figure("cache-hit.{}+cache.rate"), 30_000, "{:,.0f}", at_least=True),
    Target(
        "2 kB of JSON changed each way: CPU per request, to that of nginx with njs",
        ratio("transform-body.{}+bodies.cpu", "transform-body.nginx+bodies.cpu"),
        1.0,
    ),
    Target(
        "16 kB compressed by gzip: CPU per request, to nginx's",
        ratio("compress.{}+gzip.cpu", "compress.nginx+gzip.cpu"),
        1.2,
    ),
    Target(
        "a limit in Redis: µs CPU per request over one in memory",
        more("limits.{}+redis.cpu", "limits.{}+memory.cpu"),
        30,
        "{:.1f}",
    ),
    Target("a limit in Redis: requests/s", figure("limits.{}+redis.rate"), 8_000, "{:,.0f}", at_least=True),
    Target(
        "p99 with one slow backend of four: least_latency, to round_robin",
        ratio("slow.{}+least_latency.p99", "slow.{}+round_robin.p99"),
        0.5,
    ),
    Target(
        "a changed route of 5,000: longest wait over that without, ms",
        figure("change.{}.5000.longer", 1e3),
        20,
        "{:.1f}",
    ),
    Target(
        "a changed route of 5,000: in force after it was read, ms",
        figure("change.{}.5000.after_reading", 1e3),
        100,
        "{:.0f}",
    ),
    Target(
        "a changed route of 5,000, by the admin API: longest wait over that without, ms",
        figure("change.{}+api.5000.longer", 1e3),
        20,
        "{:.1f}",
    ),
    Target(
        "a changed route of 5,000, by the admin API: in force after it was read, ms",
        figure("change.{}+api.5000.after_reading", 1e3),
        100,
        "{:.0f}",
    ),
    Target(
        "two instances of two processes: requests that passed over a limit in Redis",
        figure("scaling.{}.over"),
        0,
        "{:.0f}",
    ),
    Target("failed requests, in all scenarios", failed, 0, "{:.0f}"),
)


def judge(figures: Figures, subject: str, beside: Sequence[str] = ()) -> Table | None:
    """Make the table of targets that this run can speak about; None if it is about none.

    Args:
        figures: Of the run.
        subject: The proxy that is judged.
        beside: Proxies whose values stand beside, without a verdict.
    """
    rows = []
    for target in TARGETS:
        try:
            value = target.value(figures, subject)
        except KeyError:
            continue
        sign = "≥" if target.at_least else "≤"
        values = [target.said(figures, proxy) for proxy in (subject, *beside)]
        rows.append([target.text, *values, f"{sign} {target.limit:,g}", "met" if target.met(value) else "MISSED"])
    title = f"targets: {subject}" + (f", and {', '.join(beside)} beside" if beside else "")
    return Table(title, ["target", subject, *beside, "wanted", ""], rows) if rows else None
