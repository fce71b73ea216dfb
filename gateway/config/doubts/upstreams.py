"""Doubts about upstreams: how they are picked, checked and waited for.

Tests: `tests/config/doubts/test_doubts.py::test_what_an_upstream_says_in_vain`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import inf

from gateway.config.doubts.common import WITH_CLAIMS, Doubt, Finding, asks_who, beneath, coded, written
from gateway.config.schema.resilience import CircuitBreaker
from gateway.config.schema.routes import Route
from gateway.config.schema.upstreams import Upstream
from gateway.config.units import format_duration, format_size
from gateway.http.hosts import bare_host


def upstream(upstream: Upstream, routes: Sequence[Route]) -> Iterator[Finding]:
    """Doubt an upstream.

    Args:
        upstream: Its settings.
        routes: Those that lead to it, also by way of a fallback.
    """
    yield from coded("no-effect", _own(upstream))
    yield from coded("impossible-timeout", _waits(upstream, routes))
    yield from coded("upstream-tls", _names(upstream))
    yield from coded("base-path", _bases(upstream, routes))
    yield from coded("no-effect", _claims(upstream, routes))
    if upstream.circuit_breaker is not None:
        yield from beneath(
            ("circuit_breaker",), coded("circuit-breaker", breaker(upstream.circuit_breaker, [upstream]))
        )


def _waits(upstream: Upstream, routes: Sequence[Route]) -> Iterator[Doubt]:
    """Doubt a check that takes longer than the time between two, and a wait for a connection that nobody waits."""
    check = upstream.health_check
    if check is not None and check.timeout > check.interval and written(check, "timeout", "interval"):
        key = "timeout" if written(check, "timeout") else "interval"
        times = f"{format_duration(check.timeout)}, longer than the `interval` of {format_duration(check.interval)}"
        yield ("health_check", key), f"a check may take {times}: those of a backend that hangs follow more slowly"
    yield from _pool(upstream, routes)


def _own(upstream: Upstream) -> Iterator[Doubt]:
    if upstream.hash_on != "ip" and upstream.strategy != "consistent_hash":
        yield ("hash_on",), f"nobody asks for it: the `strategy` is {upstream.strategy}, not consistent_hash"
    if upstream.slow_start and upstream.strategy in ("ip_hash", "consistent_hash"):
        yield ("slow_start",), f"it has no effect on the `strategy` {upstream.strategy}, which takes no turns"
    if upstream.slow_start and upstream.health_check is None and upstream.passive_health is None:
        yield ("slow_start",), "no backend ever recovers: there is neither `health_check` nor `passive_health`"
    if upstream.queue is not None and not upstream.in_flight and upstream.adaptive_concurrency is None:
        yield ("queue",), "nobody waits in it: there is neither `in_flight` nor `adaptive_concurrency`"
    for index, backend in enumerate(upstream.backends):
        if upstream.strategy == "ip_hash" and written(backend, "weight") and backend.weight != 1:
            yield ("backends", index, "weight"), "ip_hash goes by no weights"


def _names(upstream: Upstream) -> Iterator[Doubt]:
    """Doubt what is said of TLS where nobody speaks it, and a name that it asks for where Host names another server."""
    tls = upstream.tls
    said = tls.ca or tls.server_name or tls.client_cert or not tls.verify
    if said and "https" not in upstream.schemes:
        yield ("tls",), "no backend is asked for TLS, what is sent goes in the clear: write https:// in the `url`"
        return
    asked, key = upstream.tls.server_name, ("tls", "server_name")
    if asked is None or upstream.host_header == "client":
        return
    for backend in upstream.backends:
        sent = bare_host((upstream.host_sent(backend) or b"").lower()).decode().strip("[]")
        if backend.scheme == "https" and sent != asked.lower():
            # Servers compare the two (RFC 9110 section 15.5.20).
            yield key, f"`Host` is `{sent}` (`host_header`): a server that goes by both names answers with 421"
            return


def _bases(upstream: Upstream, routes: Sequence[Route]) -> Iterator[Doubt]:
    """Doubt paths that begin with the base that is put before them in any case."""
    check = upstream.health_check
    for index, backend in enumerate(upstream.backends):
        base = backend.base
        if not base:
            continue
        paths = [path for route in routes for path in route.path]
        if paths and all(_is_below(path, base) for path in paths):
            words = f"requests go below it with their whole path: {base}{base}/… is what it is asked for"
            yield ("backends", index, "url"), words
        if check is not None and written(check, "path") and _is_below(check.path, base):
            yield ("health_check", "path"), f"it goes below the base path: {base}{check.path} is what is asked for"
            return


def _is_below(path: str, base: str) -> bool:
    return path == base or path.startswith((f"{base}/", f"{base}?"))


def _pool(upstream: Upstream, routes: Sequence[Route]) -> Iterator[Doubt]:
    pool = upstream.pool
    if not written(pool, "queue_timeout"):
        return
    key = ("pool", "queue_timeout")
    if not pool.max_pending:
        yield key, "nobody waits: `max_pending` is 0"
    longest = max((min(route.timeout, route.exchange_timeout) for route in routes), default=inf)
    if pool.queue_timeout >= longest:
        yield key, f"nobody waits so long: no route to it waits for an answer for more than {format_duration(longest)}"


def _claims(upstream: Upstream, routes: Sequence[Route]) -> Iterator[Doubt]:
    claim = upstream.hash_on.startswith("claim:") and upstream.strategy == "consistent_hash"
    if claim and routes and not any(asks_who(route, *WITH_CLAIMS) for route in routes):
        words = "no route to it asks for a token (`auth`), so every exchange goes by the client's address"
        yield ("hash_on",), f"there are no claims: {words}"


def breaker(breaker: CircuitBreaker, upstreams: Sequence[Upstream]) -> Iterator[Doubt]:
    """Doubt a circuit breaker.

    Args:
        breaker: Its settings.
        upstreams: Those that it is for.
    """
    checked = any(upstream.health_check is not None for upstream in upstreams)
    if upstreams and not checked and written(breaker, "close_on") and breaker.close_on == "health_check":
        yield ("close_on",), "nothing checks health (`health_check`): it is `timeout` that ends the open state"
    if written(breaker, "timeout"):
        ejecting = [one.passive_health for one in upstreams if one.passive_health is not None]
        # With so few, the failures that open the breaker eject the backend as well: then no probe reaches it.
        later = [one.eject for one in ejecting if one.failures <= breaker.failure_threshold]
        if later and len(later) == len(upstreams) and breaker.timeout < min(later):
            words = f"no probe is made so early: `passive_health` ejects the backend for {format_duration(min(later))}"
            yield ("timeout",), words
    fallback = breaker.fallback
    if not fallback.cached:
        return
    if written(fallback, "max_stale") and fallback.max_stale < breaker.timeout:
        words = f"what was kept may be too old before the breaker's `timeout`, {format_duration(breaker.timeout)}"
        yield ("fallback", "max_stale"), words
    if fallback.cache_entry > fallback.cache_size:
        key = "cache_entry" if written(fallback, "cache_entry") else "cache_size"
        yield ("fallback", key), f"no content so long is kept: `cache_size` is {format_size(fallback.cache_size)}"
