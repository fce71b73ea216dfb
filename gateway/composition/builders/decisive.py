"""Which request fields something is decided by, for all routes of a configuration.

Used by `gateway.composition.builders.identity` for the filters of what is forwarded. A field
that one route decides by goes on in one spelling on every route: a request that
misses a route's condition by writing `X_Tenant` for `X-Tenant` is forwarded by
another route, perhaps to the same backend, which may read both as one.
"""

from __future__ import annotations

from collections.abc import Iterator

from gateway.config import Settings
from gateway.config.callers import places_of_tokens
from gateway.config.schema.auth import Auth
from gateway.config.schema.limiting import RateLimit


def decisive_fields(settings: Settings) -> frozenset[bytes]:
    """Return the lower-case names of fields that routes, limits, balancing, authorities or authentication go by."""
    return frozenset(name.lower().encode() for name in _decisive(settings))


def _decisive(settings: Settings) -> Iterator[str]:
    limits: list[RateLimit] = list(settings.rate_limits)
    for route in settings.routes:
        yield from route.headers
        limits += route.rate_limit
        if route.cache is not None:
            yield from route.cache.vary
        if route.split_on is not None and route.split_on.startswith("header:"):
            yield route.split_on.removeprefix("header:")
    for limit in limits:
        yield from (scope.removeprefix("header:") for scope in limit.scope if scope.startswith("header:"))
        yield from limit.tier_fields.values()
    for upstream in settings.upstreams:
        if upstream.hash_on.startswith("header:"):
            yield upstream.hash_on.removeprefix("header:")
    auth = settings.auth or Auth()
    for authority in auth.forward.values():
        yield from authority.request_headers
    yield from ("Authorization", "Cookie")
    yield from places_of_tokens(auth, "header")
    if auth.api_keys is not None:
        yield auth.api_keys.header
