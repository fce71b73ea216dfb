"""What upstreams show of themselves: to a scrape, and to whoever asks `GET /upstreams`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from math import isinf
from typing import Any

from gateway.resilience.breaker import Breaker, State
from gateway.upstream.backend import Backend, Upstream
from gateway.upstream.standing import Change, Condition

STATES = {State.CLOSED: 0, State.OPEN: 1, State.HALF_OPEN: 2}

Sample = tuple[tuple[str, ...], float]


class Figures:
    """The figures of all upstreams in force.

    Args:
        upstreams: Those of the snapshot of the moment.
        now: Monotonic seconds.
    """

    def __init__(self, upstreams: Callable[[], Iterable[Upstream]], now: Callable[[], float]) -> None:
        self._upstreams = upstreams
        self._now = now

    def gauges(self) -> dict[str, Callable[[], Iterable[Sample]]]:
        """Return what to ask for each gauge."""
        now = self._now
        return {
            "gateway_backend_healthy": lambda: self._backends(lambda one: one.healthy()),
            "gateway_backend_ejected": lambda: self._backends(lambda one: one.ejected(now())),
            "gateway_backend_share": lambda: self._backends(lambda one: one.share(now())),
            "gateway_upstream_panic": self._panic,
            "gateway_upstream_on_backups": self._on_backups,
            "gateway_circuit_breaker_state": lambda: self._breakers(lambda one, _: STATES[one.state]),
            "gateway_circuit_breaker_rejections_total": self._rejected,
            "gateway_circuit_breaker_failed_total": lambda: self._breakers(lambda _, breaker: breaker.failures),
            "gateway_circuit_breaker_failures": lambda: self._breakers(lambda _, breaker: breaker.counts(now())[1]),
            "gateway_discovery_up": lambda: self._discoveries(lambda one: float(one.current)),
            "gateway_discovery_members": lambda: self._discoveries(lambda one: one.members),
            "gateway_discovery_answer_age_seconds": lambda: self._discoveries(lambda one: one.age),
        }

    def view(self) -> list[dict[str, Any]]:
        """Describe every upstream: each backend's state, why, since when, its last errors, and what comes next."""
        return [self.of(upstream) for upstream in self._upstreams()]

    def _backends(self, figure: Callable[[Any], float]) -> Iterator[Sample]:
        for upstream in self._upstreams():
            for backend in upstream.backends:
                if backend.standing is not None:
                    yield (upstream.name, backend.name), float(figure(backend.standing))

    def _discoveries(self, figure: Callable[[Any], float]) -> Iterator[Sample]:
        for upstream in self._upstreams():
            if upstream.discovery is not None:
                yield (upstream.name,), figure(upstream.discovery)

    def _panic(self) -> Iterator[Sample]:
        for upstream in self._upstreams():
            if upstream.condition is not None:
                panic = upstream.selection(upstream.condition, self._now()).panic
                yield (upstream.name,), float(panic)

    def _on_backups(self) -> Iterator[Sample]:
        for upstream in self._upstreams():
            if upstream.condition is not None and any(backend.backup for backend in upstream.backends):
                picked = upstream.selection(upstream.condition, self._now()).backends
                yield (upstream.name,), float(bool(picked) and all(seen.backup for seen in picked))

    def _rejected(self) -> Iterator[Sample]:
        for upstream in self._upstreams():
            if upstream.condition is not None and upstream.breaker is not None:
                yield (upstream.name,), upstream.condition.rejected

    def _breakers(self, figure: Callable[[Condition | Breaker, Breaker], float]) -> Iterator[Sample]:
        for upstream in self._upstreams():
            if upstream.condition is not None and upstream.breaker is not None:
                yield ("upstream", upstream.name, ""), float(figure(upstream.condition, upstream.breaker))
            for backend in upstream.backends:
                if backend.breaker is not None:
                    yield ("backend", upstream.name, backend.name), float(figure(backend.breaker, backend.breaker))

    def of(self, upstream: Upstream) -> dict[str, Any]:
        """Describe one upstream."""
        now = self._now()
        shown: dict[str, Any] = {"name": upstream.name}
        if upstream.discovery is not None:
            shown["discovery"] = upstream.discovery.view()
        picked = {id(backend) for backend in upstream.backends if backend.full_weight > 0}
        if upstream.condition is not None:
            selection = upstream.selection(upstream.condition, now)
            picked = {id(seen.backend) for seen in selection.backends}
            shown["panic"] = selection.panic
            if selection.lack.value != "none":
                shown["lack"] = selection.lack.value
        if upstream.condition is not None and upstream.breaker is not None:
            shown["circuit_breaker"] = _breaker(upstream.breaker, now) | _state(upstream.condition, now)
        waits = any(id(backend) in picked and not backend.backup for backend in upstream.backends)
        for backend in upstream.backends:
            if backend.backup and waits:
                picked.discard(id(backend))
        from gateway.balancing.ahead import ahead  # for who looks only

        willing = [backend for backend in upstream.backends if id(backend) in picked]
        shown["ahead"] = ahead(upstream.balancer, willing)._asdict()
        shown["backends"] = [self._backend(backend, id(backend) in picked, now) for backend in upstream.backends]
        return shown

    def _backend(self, backend: Backend, picked: bool, now: float) -> dict[str, Any]:
        pool, standing = backend.pool, backend.standing
        shown: dict[str, Any] = {
            "url": backend.name,
            "weight": backend.full_weight,
            "next": "may be picked" if picked else "is left out",
            "in_flight": pool.in_flight,
            "connections": {
                "idle": pool.idle,
                "busy": pool.busy,
                "connecting": pool.connecting,
                "pending": pool.pending,
            },
        }
        if backend.times is not None:
            taken = backend.times.estimate(now)
            shown["answer_seconds"] = None if taken is None else round(taken, 4)
        if backend.full_weight == 0:
            shown["draining"] = True
        if backend.backup:
            shown["backup"] = True
        if standing is None:
            return shown
        shown["share"] = round(standing.share(now), 3)
        health = standing.health
        if health is not None:
            shown["health"] = {
                "healthy": health.healthy,
                "since_seconds": _age(health.since, now),
                "last_check_seconds": _age(health.checked, now),
                "failures_in_a_row": health.failures,
                "successes_in_a_row": health.successes,
            }
        if standing.suspect is not None:
            ejected = standing.ejected(now)
            shown["ejection"] = {"ejected": ejected, "times": standing.suspect.times}
            if ejected:
                shown["ejection"]["for_seconds"] = round(standing.suspect.until - now, 1)
        if standing.breaker is not None:
            shown["circuit_breaker"] = _breaker(standing.breaker, now)
        shown["last_errors"] = [{"seconds_ago": _age(at, now), "what": what} for at, what in standing.errors]
        shown["last_changes"] = [_change(at, change, now) for at, change in standing.changes]
        return shown


def _breaker(breaker: Breaker, now: float) -> dict[str, Any]:
    total, failures = breaker.counts(now)
    shown: dict[str, Any] = {
        **_state(breaker, now),
        "outcomes_in_window": total,
        "failures_in_window": failures,
        "failures_in_a_row": breaker.consecutive,
    }
    if breaker.rules.dry_run:
        shown["dry_run"] = True
    if breaker.state is State.OPEN:
        wait = breaker.retry_after(now)
        shown["probe_in_seconds"] = None if isinf(wait) else round(wait, 1)  # only a health check may let one pass
    return shown


def _state(one: Breaker | Condition, now: float) -> dict[str, Any]:
    return {"state": one.state.value, "why": one.cause, "since_seconds": _age(one.since, now)}


def _change(at: float, change: Change, now: float) -> dict[str, Any]:
    return {"seconds_ago": _age(at, now), "what": change.what, "to": change.after, "why": change.cause}


def _age(at: float | None, now: float) -> float | None:
    return None if at is None else round(now - at, 1)
