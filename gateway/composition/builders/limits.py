"""Settings of rate limits into steps.

What of a limit has a count of its own is in `gateway.composition.builders.counts`.

# Note [Paths]
Whether a limit of `rate_limits` is for a route is decided here where its
`path` takes in all paths of the route, or none. Where it takes in some of them
the path of each request decides, in the normal form that routing uses.

# Note [No route]
What no route takes (404, 405, a request that cannot be read) is counted too, together with what the routes take: who
looks for paths that are not there spends what it has. Of a request that cannot be read the request line says the path,
where that much could be read. Limits by user or key are left out, since nobody is asked who
calls.

# Note [Own paths]
What the gateway answers itself (tokens, health, metrics) is held by the same limits, and counted apart: who watches
the gateway's health spends nothing of what clients behind the same address have. The health paths are held only by
limits that have an `endpoint`: a limit on clients must not keep an orchestrator from seeing that the gateway lives.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

from gateway.answering.health import PATHS as HEALTH_PATHS
from gateway.composition.builders.counts import Identities, Made
from gateway.composition.builders.dry_run import limit_note
from gateway.composition.builders.rates import OwnLimits
from gateway.composition.builders.storage import redis_store
from gateway.composition.foundation import Foundation
from gateway.config import Settings
from gateway.config.schema.limiting import MatchedRateLimit
from gateway.config.schema.routes import Route
from gateway.errors import LimitUnavailable
from gateway.exchange import Exchange
from gateway.interfaces import Middleware
from gateway.limiting.keys import needs_principal
from gateway.limiting.limit import Decide, Limit, LimitStore, Verdict, unused
from gateway.limiting.store import MemoryLimits
from gateway.limiting.tiers import tightest
from gateway.middleware.dry_run_limits import DryRunLimits, give_back
from gateway.middleware.rate_limit import Counted, RateLimit, Refund, VaryingRateLimit
from gateway.middleware.rate_limit_fields import PlannedFields, RateLimitFields
from gateway.middleware.shaping import Lines, Shaped
from gateway.resilience.admission import Priority
from gateway.routing.expression import Expression, read_path
from gateway.routing.overlap import Overlap, matches, overlap_of_all
from gateway.routing.pattern import Pattern, parse_pattern


class RateLimits:
    """Makes the steps of one configuration's routes.

    Args:
        settings: The configuration.
        foundation: What it is built on.
    """

    def __init__(self, settings: Settings, foundation: Foundation) -> None:
        self._settings = settings
        self._foundation = foundation
        self._decisions = foundation.metrics.counter("gateway_rate_limit_decisions_total")
        self._made: LimitStore | None = None
        self._shaped: dict[str, Shaped] = {}
        self._everywhere = self._matched("all")
        self._own = self._matched("own")
        # By route: the step before authentication, and whether there is one in dry run.
        self._first: dict[str, tuple[RateLimit | VaryingRateLimit | None, bool]] = {}

    def _matched(self, kind: str) -> list[tuple[MatchedRateLimit, Pattern | None, Made]]:
        identities = Identities(kind)
        return [(one, _pattern(one.path), identities.limit(one.path or "", one)) for one in self._settings.rate_limits]

    def by_address(self, route: Route | None) -> list[Middleware]:
        """Make the steps before authentication: the fields of the response, and limits that need no principal.

        Where no route matched, only the limits of `rate_limits` apply that need no route and whose path matches: see
        Note [No route].
        """
        limits = list(self.of(route)) if route is not None else [(False, one) for one in self._unrouted()]
        first = [one for later, one in limits if not later]
        step = self._step("ratelimit:pre", route, first)
        watched = self._watched("ratelimit:pre", first)
        if route is not None:
            self._first[route.name] = step, bool(watched)
        return [*self._fields([one for _, one in limits]), *([] if step is None else [step]), *watched]

    def own(self, name: str, path: str, others: Sequence[Counted] = ()) -> OwnLimits:
        """Make the steps before a path that the gateway answers itself: Note [Own paths].

        Args:
            name: What metrics call it.
            path: Where it is; for the health paths, see the note.
            others: Limits that it has besides, for the fields of the response.
        """
        labels = [one.limit.label for one in others]
        limits = [
            made.counted(labels, name)
            for one, pattern, made in self._own
            if not needs_principal(one.scope)
            and (path.encode() not in HEALTH_PATHS if pattern is None else matches(pattern, path.encode()))
        ]
        fields = self._fields([*others, *limits])
        watched = self._watched("ratelimit:own", limits)
        acting = [one for one in limits if not one.dry_run]
        if not acting:
            return OwnLimits([*fields, *watched])
        step = _step_kind(acting)("ratelimit:own", acting, self.store(), partial(self._decisions.add, name))
        return OwnLimits([*fields, step, *watched], self._refund(step))

    def _fields(self, limits: Sequence[Counted]) -> list[Middleware]:
        kinds = self._settings.ratelimit_headers
        limits = [one for one in limits if not one.dry_run]
        if not kinds or not limits:
            return []
        kind = RateLimitFields if all(one.choose is None for one in limits) else PlannedFields
        return [kind(limits, "x" in kinds, "ietf" in kinds, self._foundation.wall_clock)]

    def _refund(self, step: RateLimit | VaryingRateLimit) -> Refund:
        now = self._foundation.now
        return lambda exchange: step.give_back(exchange, now())

    def _unrouted(self) -> Iterator[Counted]:
        labels: list[str] = []
        for one, pattern, made in self._everywhere:
            if not needs_principal(one.scope):
                yield made.counted(labels, "", None if pattern is None else partial(matches, pattern))

    def for_some_paths(self, route: Route) -> list[Pattern]:
        """List the patterns of the limits that are for some paths of a route: Note [Paths]."""
        patterns = [pattern for _, pattern, _ in self._everywhere if pattern is not None]
        if not patterns:
            return []
        paths = _paths(route)
        return [pattern for pattern in patterns if overlap_of_all(pattern, paths) is Overlap.SOME]

    def by_principal(self, route: Route | None) -> list[Middleware]:
        """Make the steps behind authentication: limits by who is calling."""
        if route is None:
            return []
        limits = [one for later, one in self.of(route) if later]
        first, watches = self._first.get(route.name, (None, False))
        refunds = [] if first is None else [self._refund(first)]
        now = self._foundation.now
        again: Refund | None = (lambda exchange: give_back(exchange, now())) if watches else None
        if again is not None:
            refunds.append(again)
        step = self._step("ratelimit:post", route, limits, _both(refunds))
        return [*([] if step is None else [step]), *self._watched("ratelimit:post", limits, again)]

    def _watched(self, name: str, limits: Sequence[Counted], refund: Refund | None = None) -> list[Middleware]:
        """Make the step of those limits that are in dry run."""
        watched = [one for one in limits if one.dry_run]
        note = limit_note(self._foundation)
        return [DryRunLimits(f"{name}:dry_run", watched, self.store(), note, refund)] if watched else []

    def _step(
        self, name: str, route: Route | None, limits: list[Counted], refund: Refund | None = None
    ) -> RateLimit | VaryingRateLimit | None:
        limits = [one for one in limits if not one.dry_run]
        if not limits:
            return None
        count = partial(self._decisions.add, "" if route is None else route.name)
        return _step_kind(limits)(name, limits, self._store_of(route), count, refund)

    def _store_of(self, route: Route | None) -> LimitStore:
        queue = None if route is None else route.rate_limit_queue
        if route is None or queue is None:
            return self.store()
        shaped = self._shaped.get(route.name)
        if shaped is None:
            queued = self._foundation.metrics.counter("gateway_rate_limit_queued_total")
            shaped = self._shaped[route.name] = Shaped(
                self.store(),
                self._foundation.carried.get(("limits", "lines"), Lines),
                Priority[route.priority.upper()],
                queue.size,
                queue.timeout,
                self._foundation.reactor,
                self._foundation.now,
                partial(queued.add, route.name),
            )
        return shaped

    def of(self, route: Route) -> Iterator[tuple[bool, Counted]]:
        """Walk the limits of a route, each with whether it needs to be known who is calling."""
        paths = _paths(route) if self._everywhere else []
        labels: list[str] = []
        for _, pattern, made in self._everywhere:
            found = Overlap.ALL if pattern is None else overlap_of_all(pattern, paths)
            if found is Overlap.NONE:
                continue
            # A limit that is for some paths of the route is decided on by the path of each request: Note [Paths].
            decides = None if found is Overlap.ALL or pattern is None else partial(matches, pattern)
            yield made.needs_principal, made.counted(labels, route.name, decides)
        identities = Identities("route")
        for own in route.rate_limit:
            made = identities.limit(route.name, own)
            yield made.needs_principal, made.counted(labels, route.name)

    def store(self) -> LimitStore:
        """Return where requests are counted, which is opened only where something asks for it."""
        if self._made is None:
            self._made = self._make_store()
        return self._made

    def _in_memory(self, what: str) -> LimitStore:
        whole = self._foundation.whole
        return self._foundation.carried.get(("limits", what), MemoryLimits) if whole is None else whole.limits

    def _make_store(self) -> LimitStore:
        settings = self._settings
        if settings.rate_limit_store == "memory":
            return self._in_memory("memory")
        from gateway.storage.limits import PREFIX
        from gateway.storage.shared_limits import RedisLimits

        local: LimitStore = _Closed()
        if settings.on_store_failure == "open":
            local = _Open()
        elif settings.on_store_failure == "local":
            local = self._in_memory("local")
        fallbacks = self._foundation.metrics.counter("gateway_rate_limit_fallbacks_total")
        return RedisLimits(
            redis_store(settings.redis, self._foundation).at(PREFIX),
            local,
            settings.rate_limit_instances if settings.on_store_failure == "local" else 1,
            partial(fallbacks.add, settings.on_store_failure),
        )


class _Open:
    """Lets everything through: `on_store_failure: open`."""

    def bind(self, limits: Sequence[Limit]) -> Decide:
        allowed = tightest(map(unused, limits))
        return lambda keys, now: allowed


class _Closed:
    """Lets nothing through: `on_store_failure: closed`."""

    def bind(self, limits: Sequence[Limit]) -> Decide:
        def decide(keys: Sequence[bytes], now: float) -> Verdict:
            raise LimitUnavailable()

        return decide


def _both(refunds: Sequence[Refund]) -> Refund | None:
    if len(refunds) < 2:
        return refunds[0] if refunds else None

    def refund(exchange: Exchange) -> None:
        for one in refunds:
            one(exchange)

    return refund


def _step_kind(limits: Sequence[Counted]) -> type[RateLimit] | type[VaryingRateLimit]:
    return VaryingRateLimit if any(one.varies for one in limits) else RateLimit


def _paths(route: Route) -> list[Pattern | Expression]:
    return list(map(read_path, route.path))


def _pattern(path: str | None) -> Pattern | None:
    return None if path is None else parse_pattern(path)
