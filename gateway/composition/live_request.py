"""One request as the gateway stands now: which route takes it, what its limits have left, what is kept, who may answer.

For `gateway explain --live`, by `POST /live/explain` of the admin port. Nothing is sent, nothing is counted, and what
is looked at does not count as asked for. What steps of the route decide by the request alone (credentials, addresses)
is not asked: a gateway in memory with the same configuration tells that (`gateway.rehearsal.decisions`).

# Note [What is not known here]
What Redis counts and keeps is not asked for: the answer would come later than what else is said, and be of another
moment. Where a step changes requests before the cache sees them, what it would look for is not known either.

Tests: `tests/admin/test_live_request.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from gateway.admin.live import Described
from gateway.composition.assembly import Gateway
from gateway.composition.builders.limits import RateLimits
from gateway.composition.live_routes import at, read_request
from gateway.config import Settings
from gateway.config.schema.routes import Route
from gateway.errors import BreakerOpen, GatewayError, LimitExceeded, NoBackendAvailable
from gateway.exchange import Downstream, Exchange
from gateway.middleware.cache import CacheStep
from gateway.middleware.rate_limit import Counted, chosen
from gateway.peer import Peer
from gateway.principal import Principal, find_claim
from gateway.resilience.selection import Lack
from gateway.serving.trial import Trial, tried
from gateway.upstream.backend import Upstream

View = dict[str, Any]

COUNTS: Final = ("limits", "memory")
"""What counts are carried as (`gateway.composition.builders.limits`)."""

REDIS: Final = "Redis counts: what is left there is not asked for"
CHANGED: Final = "a step before the cache changes requests: what it would be asked for is not known"
ELSEWHERE: Final = "answers are kept in Redis: what is there is not asked for"
SEVERAL: Final = "the route leads to several upstreams, and the cache keeps their answers apart"


class LiveRequest:
    """Tells of requests that are not made.

    Args:
        gateway: What they would be made to.
    """

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._limits: tuple[Settings, RateLimits] | None = None

    def foresee(self, asked: Described) -> View:
        """Return what a request would meet.

        Raises:
            ValueError: It cannot be a request.
        """
        tree = self._gateway.root.tree
        here = at(tree, asked.listener)
        request = read_request(asked.method, asked.url, asked.fields)
        trial = tried(here, request)
        settings = {route.name: route for route in tree.settings.routes}
        route = None if trial.route is None else settings.get(trial.route.name)
        view: View = {
            "route": None if trial.route is None else trial.route.name,
            "path": trial.path.decode("latin-1"),
            "own": trial.own,
            "considered": trial.considered,
            "notes": trial.notes,
            "limits": [],
            "cache": None,
            "upstreams": [],
            "ends": [] if trial.error is None else [_ending("routing", trial.error)],
        }
        if route is None:
            return view
        now = self._gateway.foundation.now()
        forwarding = tree.rules.for_peer(asked.client, b"https" if asked.url.startswith("https:") else b"http")
        exchange = Exchange(request, Downstream(), Peer(asked.client, forwarding), now, now)
        exchange.path, exchange.params, exchange.principal = trial.path, trial.params, _principal(asked.claims)
        view["limits"] = list(self._of_limits(tree.settings, route, exchange, now))
        view["ends"] += [
            _ending(f"limit by {row['by']}", LimitExceeded())
            for row in view["limits"]
            if row["remaining"] == 0 and not row["dry_run"]
        ]
        view["cache"] = self._of_cache(route, trial, exchange)
        self._of_upstreams(view, [tree.upstreams[name] for name, _ in route.upstreams], now)
        return view

    # Limits.

    def _of_limits(self, settings: Settings, route: Route, exchange: Exchange, now: float) -> Iterator[View]:
        if self._limits is None or self._limits[0] is not settings:
            self._limits = settings, RateLimits(settings, self._gateway.foundation)
        for later, counted in self._limits[1].of(route):
            for one in chosen([counted], exchange):
                yield self._of_limit(settings, later, one, counted.dry_run, exchange, now)

    def _of_limit(
        self, settings: Settings, later: bool, counted: Counted, dry_run: bool, exchange: Exchange, now: float
    ) -> View:
        limit = counted.limit
        said: View = {
            "by": limit.label,
            "requests": limit.requests,
            "window": limit.window,
            "behind_authentication": later,
            "dry_run": dry_run,
            "remaining": None,
            "again": None,
            "words": "",
        }
        if settings.rate_limit_store != "memory":
            return said | {"words": REDIS}
        foundation = self._gateway.foundation
        # As it was made for the steps; of several workers all count in one place.
        store: Any = foundation.carried.asked(COUNTS) if foundation.whole is None else foundation.whole.limits
        verdict = store.foresee(limit, counted.key(exchange), now)
        return said | {"remaining": verdict.remaining, "again": round(verdict.retry_after, 1)}

    # What is kept.

    def _of_cache(self, route: Route, trial: Trial, exchange: Exchange) -> View | None:
        assert trial.route is not None  # whose route it is
        step = next((one for one in trial.route.parts if isinstance(one, CacheStep)), None)
        if step is None:
            return None
        if len(route.upstreams) > 1:
            return {"outcome": None, "age": None, "fresh_for": None, "words": SEVERAL}
        if route.plugins or route.transformations:
            return {"outcome": None, "age": None, "fresh_for": None, "words": CHANGED}
        found = step.foresee(exchange)
        if found is None:
            return {"outcome": None, "age": None, "fresh_for": None, "words": ELSEWHERE}
        outcome, kept = found
        now = self._gateway.foundation.wall_clock()
        age, fresh = (None, None) if kept is None else (round(now - kept.born, 1), round(kept.fresh - now, 1))
        return {"outcome": outcome, "age": age, "fresh_for": fresh, "words": ""}

    # Backends.

    def _of_upstreams(self, view: View, upstreams: Sequence[Upstream], now: float) -> None:
        if self._gateway.foundation.whole is not None and upstreams:
            kept = view["cache"] is not None and not view["cache"]["words"]
            what = "Breakers, connections and kept answers" if kept else "Breakers and connections"
            view["notes"].append(f"{what} are those of one of several workers.")
        view["upstreams"] = [self._gateway.figures.of(one) for one in upstreams]
        lacks = [(one, error) for one in upstreams if (error := _lacks(one, now)) is not None]
        if len(lacks) < len(upstreams) or (view["cache"] or {}).get("outcome") in ("hit", "stale"):
            return
        for one, error in lacks:
            view["ends"].append(_ending(f"upstream {one.name}", error))
            if one.fallback is not None:
                view["notes"].append(f"The fallback of {one.name} answers in its place.")


def _lacks(upstream: Upstream, now: float) -> GatewayError | None:
    """Return what an exchange would meet at an upstream that can take none; None where it can."""
    if upstream.breaker is not None and not upstream.breaker.willing(now):
        return BreakerOpen()
    condition = upstream.condition
    if condition is None:
        return None if any(one.full_weight for one in upstream.backends) else NoBackendAvailable()
    lack = upstream.selection(condition, now).lack
    if lack is Lack.BREAKERS_OPEN:
        return BreakerOpen()
    return NoBackendAvailable() if lack is Lack.NO_BACKEND else None


def _ending(what: str, error: GatewayError) -> View:
    return {"what": what, "status": error.status, "reason": error.reason}


def _principal(claims: Mapping[str, Any]) -> Principal | None:
    """Return who would be calling; None where nothing is said."""
    if not claims:
        return None
    return Principal(
        str(claims.get("sub") or ""),
        _words(claims, "roles"),
        _words(claims, "scope"),
        claims=claims,
        key_id=str(claims.get("key_id") or ""),
    )


def _words(claims: Mapping[str, Any], name: str) -> frozenset[str]:
    said = find_claim(claims, name)
    return frozenset(said.split()) if isinstance(said, str) else frozenset(map(str, said or ()))
