"""Settings of health, breakers and fallbacks into what watches an upstream and its backends.

Tests: `tests/flow/test_breakers.py::test_failures_in_a_row_open_it`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from hashlib import blake2b
from math import inf
from typing import TYPE_CHECKING

from twisted.internet.interfaces import IOpenSSLClientConnectionCreator
from twisted.logger import Logger, LogLevel

from gateway.composition.builders.last_good import keeping_of
from gateway.composition.foundation import Foundation
from gateway.config.schema.resilience import CircuitBreaker
from gateway.config.schema.resilience import Fallback as FallbackSettings
from gateway.config.schema.upstreams import Backend as BackendSettings
from gateway.config.schema.upstreams import Upstream as UpstreamSettings
from gateway.errors import BreakerOpen
from gateway.headers import Headers
from gateway.message import Response
from gateway.resilience.breaker import BreakerRules
from gateway.resilience.outliers import OutlierRules
from gateway.telemetry.metrics import Metrics
from gateway.upstream.backend import Fallback, Upstream
from gateway.upstream.in_force import InForce
from gateway.upstream.standing import Change, Condition, ConditionRules, Standing

if TYPE_CHECKING:
    from gateway.middleware.gate import Gate

Others = Callable[[str], Upstream]
"""Finds another upstream of the same snapshot by its name, once all are built."""

_log = Logger(namespace="gateway.upstream")

_BAD = frozenset(["unhealthy", "ejected", "open", "panic"])

_EVENTS = {
    "closed": "breaker.closed",
    "open": "breaker.open",
    "half_open": "breaker.half_open",
    "healthy": "backend.healthy",
    "unhealthy": "backend.unhealthy",
    "ejected": "backend.ejected",
    "returned": "backend.returned",
    "panic": "upstream.panic",
    "none": "upstream.calm",
}
"""Names of events (`gateway.telemetry.events`), by what it is now."""


def build_condition(
    upstream: UpstreamSettings, breaker: CircuitBreaker | None, foundation: Foundation
) -> Condition | None:
    """Return what watches an upstream, that of the configuration before where its rules are the same; None for none."""
    rules = _rules(upstream, breaker)
    if not rules.watch:
        return None
    report = partial(_report, foundation.metrics)
    return foundation.carried.get(
        ("condition", upstream.name, rules), lambda: Condition(upstream.name, rules, foundation.now, report)
    )


def build_standing(
    backend: BackendSettings,
    upstream: UpstreamSettings,
    condition: Condition,
    foundation: Foundation,
    tls: IOpenSSLClientConnectionCreator | None,
    files: bytes,
) -> Standing:
    """Return what is known of a backend; its checks begin when it is in force.

    Args:
        backend: Its settings.
        upstream: Those of its upstream.
        condition: What is known of that.
        foundation: What it is built on.
        tls: For its checks.
        files: The digest of what the files of `tls` hold.
    """
    made_from = (
        backend.url,
        upstream.host_sent(backend),
        repr(upstream.health_check),
        upstream.tls_of_backends,
        files,
        upstream.proxy_protocol,
    )
    key = ("standing", upstream.name, condition.rules, made_from)

    def make() -> InForce:
        standing = Standing(backend.url, condition)
        service = InForce(standing)
        if upstream.health_check is not None:
            from gateway.composition.builders.probes import build_prober

            make = partial(build_prober, backend, upstream, upstream.health_check, standing, foundation, tls)
            whole = foundation.whole
            name = _named(upstream.name, made_from)
            checking = make() if whole is None else whole.probed(name, standing.checked, make)
            checking.setServiceParent(service)
        return service

    return foundation.carried.get(key, make).standing


def _named(*made_from: object) -> str:
    return blake2b(repr(made_from).encode(), digest_size=16).hexdigest()


def build_fallback(
    upstream: UpstreamSettings,
    fallback: FallbackSettings,
    foundation: Foundation,
    others: Others,
    gates: Mapping[str, Gate],
) -> Fallback | None:
    """Return what is done while a breaker is open; None for the error's own answer."""
    recall = None
    if fallback.cached:
        from gateway.middleware.last_good import Recall

        count = partial(foundation.metrics.counter("gateway_last_good_answers_total").add, upstream.name)
        recall = Recall(keeping_of(upstream.name, fallback, foundation), foundation.wall_clock, count)
    name = fallback.upstream
    if name is not None:
        gate = gates.get(name)
        return Fallback(recall, upstream=lambda: others(name), enter=None if gate is None else gate.enter)
    if fallback.status == 503 and not fallback.body:
        return Fallback(recall) if recall is not None else None
    body = fallback.body.encode()
    fields = [(b"Content-Type", fallback.content_type.encode())] if body else []

    def answer(error: BreakerOpen) -> Response:
        return Response(
            fallback.status, Headers([*fields, (b"Gateway-Reason", error.reason.encode()), *error.headers]), body
        )

    return Fallback(recall, answer=answer)


def _rules(upstream: UpstreamSettings, breaker: CircuitBreaker | None) -> ConditionRules:
    check, passive = upstream.health_check, upstream.passive_health
    # Where nothing checks, `close_on: health_check` would leave a breaker open for ever: its timeout ends it then.
    only_checks = breaker is not None and breaker.close_on == "health_check" and check is not None
    return ConditionRules(
        breaker=None
        if breaker is None
        else _breaker(breaker, breaker.failure_threshold, inf if only_checks else breaker.timeout),
        # Of the whole upstream only the share counts: among many exchanges a few failures in a row come by chance.
        upstream_breaker=None if breaker is None else _breaker(breaker, 0, breaker.timeout),
        outliers=None
        if passive is None
        else OutlierRules(passive.failures, passive.window, passive.eject, passive.max_ejected_percent),
        unhealthy_threshold=0 if check is None else check.unhealthy_threshold,
        healthy_threshold=0 if check is None else check.healthy_threshold,
        healing=breaker is None or breaker.close_on != "probe",
        rest=breaker.timeout if breaker is not None and only_checks else inf,
        slow_start=0.0 if upstream.strategy in ("ip_hash", "consistent_hash") else upstream.slow_start,
        panic_threshold=upstream.panic_threshold,
    )


def _breaker(settings: CircuitBreaker, failure_threshold: int, timeout: float) -> BreakerRules:
    return BreakerRules(
        failure_threshold=failure_threshold,
        ratio=settings.error_rate.ratio,
        window=settings.error_rate.window,
        min_requests=settings.error_rate.min_requests,
        timeout=timeout,
        half_open_requests=settings.half_open_requests,
        success_threshold=settings.success_threshold,
        dry_run=settings.dry_run,
    )


def _report(metrics: Metrics, change: Change) -> None:
    """Log a change and count it."""
    _log.emit(
        LogLevel.warn if change.after in _BAD else LogLevel.info,
        "{subject}: {what} is {after}, was {before}: {cause}",
        subject=f"{change.upstream} {change.backend}".rstrip(),
        upstream=change.upstream,
        backend=change.backend,
        what=change.what,
        before=change.before,
        after=change.after,
        cause=change.cause,
        event=_EVENTS[change.after],
    )
    if change.what == "breaker":
        scope = "backend" if change.backend else "upstream"
        metrics.counter("gateway_circuit_breaker_transitions_total").add(
            scope, change.upstream, change.backend, change.before, change.after
        )
    elif change.what == "health":
        metrics.counter("gateway_backend_health_changes_total").add(change.upstream, change.backend, change.after)
    elif change.after == "ejected":
        metrics.counter("gateway_backend_ejections_total").add(change.upstream, change.backend)
