"""Settings into what readiness asks about (C-41): the upstreams of the routes, and Redis where something uses it.

A gateway is not ready when it can serve nobody. Where some exchanges fail, or
something stands in for what is down, it is `degraded`, and ready: all instances
see the same, and taking all of them out of service would make a failure of one
part a failure of everything.

Of an upstream only its active checks count. They go on when no traffic comes;
a breaker or an ejection that kept the traffic away could never find out that
all is well again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from functools import partial
from typing import TYPE_CHECKING

from gateway.answering.health import Check, CheckResult
from gateway.composition.builders.storage import redis_in_use
from gateway.composition.foundation import Foundation
from gateway.config import Settings
from gateway.upstream.backend import Upstream

if TYPE_CHECKING:
    from gateway.storage.redis import RedisStore


def readiness(
    settings: Settings, foundation: Foundation, upstreams: Mapping[str, Upstream], routed: Set[str]
) -> dict[str, Check]:
    """Return the checks by name; made last, when it is known who uses Redis.

    Args:
        settings: The configuration.
        foundation: What it is built on.
        upstreams: By name.
        routed: The names of those that answers of routes come from.
    """
    checks: dict[str, Check] = {}
    watched = [upstreams[name] for name in sorted(routed)]
    if watched:
        checks["upstreams"] = partial(_upstreams, watched)
    found = [upstream for upstream in watched if upstream.discovery is not None]
    if found:
        checks["discovery"] = partial(_discovery, found)
    store = redis_in_use(settings.redis, foundation)
    if store is not None:
        checks["redis"] = partial(_redis, store, CheckResult.FAILED if _needs_redis(settings) else CheckResult.DEGRADED)
    return checks


def _upstreams(upstreams: Sequence[Upstream]) -> CheckResult:
    lost = sum(map(_lost, upstreams))
    if not lost:
        return CheckResult.OK
    return CheckResult.FAILED if lost == len(upstreams) else CheckResult.DEGRADED


def _discovery(upstreams: Sequence[Upstream]) -> CheckResult:
    """A source that fails never takes an instance out of service: the last known members stay in force."""
    return CheckResult.OK if all(one.discovery.current for one in upstreams) else CheckResult.DEGRADED


def _lost(upstream: Upstream) -> bool:
    """Whether every backend fails its checks; one that the operator drains, or never gave, is no failure."""
    standings = [backend.standing for backend in upstream.backends if backend.full_weight]
    return bool(standings) and not any(standing is None or standing.healthy() for standing in standings)


def _redis(store: RedisStore, otherwise: CheckResult) -> CheckResult:
    return CheckResult.OK if store.available else otherwise


def _needs_redis(settings: Settings) -> bool:
    """Whether something that uses Redis has nothing to go on with while Redis is away."""
    keys = None if settings.auth is None else settings.auth.api_keys
    in_redis = keys is not None and keys.store == "redis"
    return in_redis or (settings.rate_limit_store == "redis" and settings.on_store_failure == "closed")
