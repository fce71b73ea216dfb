"""Settings of limits, queues and shedding into gates, and the steps that ask them.

Gates are kept from configuration to configuration, with whoever is inside or
waits; another limit comes into force with its configuration.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache, partial
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from gateway.composition.foundation import Foundation
from gateway.config import Settings
from gateway.config.schema.admission import Queue
from gateway.config.schema.routes import Route
from gateway.config.schema.upstreams import Upstream
from gateway.exchange import Exchange
from gateway.interfaces import Middleware
from gateway.resilience.admission import Priority

if TYPE_CHECKING:
    # Loaded with the first limit of its kind.
    from gateway.middleware.adaptive import AdaptiveLimit
    from gateway.middleware.gate import Gate
    from gateway.resilience.gradient import GradientRules
    from gateway.telemetry.overload import OverloadWatch

NO_QUEUE = Queue(size=0)


class LoadControl:
    """The gates of one configuration, and the steps of its routes.

    Args:
        settings: The configuration.
        foundation: What it is built on.

    Attributes:
        upstreams: The gates before upstreams that have one, by name.
    """

    def __init__(self, settings: Settings, foundation: Foundation) -> None:
        self._foundation = foundation
        limits = settings.limits
        self._watch: OverloadWatch | None = None
        if limits.loop_lag or limits.memory:
            key = ("overload", limits.loop_lag, limits.memory)
            make = partial(_watch, foundation, limits.loop_lag, limits.memory)
            self._watch = foundation.carried.get(key, make)
        # Without a queue there is nothing to order: the exchanges are counted before routing
        # (`gateway.serving.tree`), and these steps say on the route what came of it.
        # Those of several processes are counted by a gate in any case: the count before routing is one process's.
        counted = limits.in_flight and not limits.queue and foundation.whole is None
        occupancy = foundation.occupancy
        self._octets = limits.request_buffer
        self._full: Middleware | None = None
        self._late_full: Middleware | None = None
        if counted:
            from gateway.middleware.admission import Full, LateFull

            self._full = Full(occupancy, self._octets)
            self._late_full = LateFull(occupancy, limits.in_flight)
        self._step = lru_cache(_step)
        gated = limits.queue or foundation.whole is not None
        self._gateway = self._gate("gateway", "", limits.in_flight, limits.queue) if gated else None
        self._learning: dict[str, tuple[AdaptiveLimit, Gate]] = {}
        self.upstreams: Mapping[str, Gate] = {
            upstream.name: gate
            for upstream in settings.upstreams
            if (gate := self._upstream_gate(upstream)) is not None
        }
        fallbacks = {
            upstream.name: breaker.fallback.upstream
            for upstream in settings.upstreams
            if (breaker := settings.breaker_of(upstream)) is not None
        }
        self._fallbacks = {name: other for name, other in fallbacks.items() if other in self.upstreams}
        foundation.carried.then(self._show)

    def at_the_door(self, route: Route | None) -> Iterator[Middleware]:
        """Make the steps that come before any work is done for an exchange; there are none where no route matched."""
        if route is None:
            return
        priority = _priority(route)
        if self._watch is not None:
            yield self._step("LoadShedding", self._watch.shedder, priority, self._watch.refusal)
        if self._full is not None:
            yield self._full
        if self._gateway is not None:
            yield self._step("AdmissionAtTheDoor", self._gateway, priority, octets=self._octets)

    def behind_the_buffer(self, route: Route | None) -> Iterator[Middleware]:
        """Make the steps that count an exchange towards `limits.in_flight` whose content was gathered first."""
        if route is None or not self._octets:
            return
        if self._late_full is not None:
            yield self._late_full
        if self._gateway is not None:
            yield self._step("LateAdmission", self._gateway, _priority(route))

    def of_route(self, route: Route | None) -> Middleware | None:
        """Make the step that limits a route, once it is known who calls."""
        if route is None:
            return None
        gate = self._gate("route", route.name, route.in_flight, route.queue)
        return None if gate is None else self._step("Admission", gate, _priority(route))

    def of_upstreams(self, route: Route | None, choose: Callable[[Exchange], str] | None) -> Iterator[Middleware]:
        """Make the innermost steps: those that choose the upstream and limit it.

        Args:
            route: None where there is none, and so no upstream.
            choose: Picks one of several by name; None where there is nothing to choose.
        """
        if route is None:
            return
        gates = {name: self.upstreams[name] for name, _ in route.upstreams if name in self.upstreams}
        if choose is None:
            yield from (self._step("Admission", gate, _priority(route)) for gate in gates.values())
        else:
            from gateway.middleware.admission import SplitAdmission

            yield SplitAdmission(choose, gates, _priority(route))
        learning = {name: self._learning[name] for name in gates if name in self._learning}
        if learning:
            from gateway.middleware.adaptive import AdaptiveConcurrency

            yield AdaptiveConcurrency(learning)

    def of_fallbacks(self, route: Route | None) -> Middleware | None:
        """Make the step that gives back the places before upstreams that a route's own fall back on; None without any.

        The forwarder takes them, for the exchange that it sends: behind a cache that is the cache's own.
        """
        if route is None:
            return None
        others = {self._fallbacks[name] for name, _ in route.upstreams if name in self._fallbacks}
        if not others:
            return None
        from gateway.middleware.admission import FallbackAdmission

        return FallbackAdmission([self.upstreams[name] for name in sorted(others)])

    def _gate(self, scope: str, name: str, limit: int, queue: Queue | None) -> Gate | None:
        if not limit:
            return None
        from gateway.middleware.gate import Gate

        foundation, queue = self._foundation, queue or NO_QUEUE
        whole = foundation.whole
        gate = foundation.carried.get(
            ("gate", scope, name),
            lambda: Gate(
                scope,
                name,
                limit=limit,
                max_queue=queue.size,
                timeout=queue.timeout,
                deadlines=foundation.deadlines,
                now=foundation.now,
                queued=foundation.metrics.counter("gateway_admission_queued_total").add,
                refused=foundation.metrics.counter("gateway_admission_refused_total").add,
                bulkhead=None if whole is None else partial(whole.bulkhead, f"{scope} {name}"),
            ),
        )
        foundation.carried.then(partial(gate.configure, limit, queue.size, queue.timeout))
        return gate

    def _upstream_gate(self, upstream: Upstream) -> Gate | None:
        rules = _rules(upstream)
        if rules is None:
            return self._gate("upstream", upstream.name, upstream.in_flight, upstream.queue)
        from gateway.middleware.adaptive import AdaptiveLimit
        from gateway.resilience.gradient import Gradient

        foundation = self._foundation
        learnt = foundation.carried.get(
            ("adaptive", upstream.name, rules), lambda: AdaptiveLimit(Gradient(rules), foundation.now)
        )
        gate = self._gate("upstream", upstream.name, learnt.gradient.limit, upstream.queue)
        assert gate is not None  # limits are positive
        foundation.carried.then(lambda: learnt.hold(gate))
        self._learning[upstream.name] = learnt, gate
        return gate

    def _show(self) -> None:
        """Let a scrape see the gates of this configuration, and forget the counts of those that are gone."""
        metrics, gates = self._foundation.metrics, self._foundation.carried.all_asked("gate")
        for figure in ("limit", "in_flight", "waiting"):
            metrics.gauge(f"gateway_admission_{figure}", partial(_samples, gates, attrgetter(figure)))
        learning = {name: learnt.gradient for name, (learnt, _) in self._learning.items()}
        metrics.gauge(
            "gateway_adaptive_limit", lambda: [((name,), gradient.limit) for name, gradient in learning.items()]
        )
        watch = self._watch
        metrics.gauge("gateway_shed_level", lambda: [] if watch is None else [((), watch.shedder.level)])
        stay = {(gate.scope, gate.name) for gate in gates}
        for name in ("gateway_admission_queued_total", "gateway_admission_refused_total"):
            cells = metrics.counter(name).cells
            for key in [key for key in cells if key[:2] not in stay]:
                del cells[key]


def _step(name: str, *arguments: Any, **named: Any) -> Middleware:
    """Make a step of `gateway.middleware.admission`, which is loaded with the first of them."""
    from gateway.middleware import admission

    made: Middleware = getattr(admission, name)(*arguments, **named)
    return made


def _priority(route: Route) -> Priority:
    return Priority[route.priority.upper()]


def _rules(upstream: Upstream) -> GradientRules | None:
    adaptive = upstream.adaptive_concurrency
    if adaptive is None:
        return None
    from gateway.resilience.gradient import GradientRules

    most = min(adaptive.max_limit, upstream.in_flight or adaptive.max_limit)
    return GradientRules(
        initial=min(adaptive.initial_limit, most),
        least=min(adaptive.min_limit, most),
        most=most,
        tolerance=adaptive.tolerance,
        smoothing=adaptive.smoothing,
        headroom=float(adaptive.headroom),
        window=adaptive.window,
        min_samples=adaptive.min_samples,
        memory=adaptive.long_window,
    )


def _watch(foundation: Foundation, loop_lag: float, memory: int) -> OverloadWatch:
    from gateway.telemetry.overload import OverloadWatch

    return OverloadWatch(foundation.reactor, loop_lag, memory, foundation.metrics.counter("gateway_shed_total").add)


def _samples(gates: Sequence[Gate], figure: Callable[[Gate], int]) -> list[tuple[tuple[str, ...], int]]:
    return [((gate.scope, gate.name), figure(gate)) for gate in gates]
