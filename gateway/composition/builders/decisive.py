"""Which request fields something is decided by, for all routes of a configuration.

Used by `gateway.composition.builders.identity` for the filters of what is forwarded. A field
that one route decides by goes on in one spelling on every route: a request that
misses a route's condition by writing `X_Tenant` for `X-Tenant` is forwarded by
another route, perhaps to the same backend, which may read both as one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from gateway.config import Settings
from gateway.config.callers import places_of_tokens
from gateway.config.schema.auth import Auth
from gateway.config.schema.limiting import RateLimit
from gateway.config.schema.routes import Route


def decisive_fields(settings: Settings, of_routes: Iterable[str] | None = None) -> frozenset[bytes]:
    """Return the lower-case names of fields that routes, limits, balancing, authorities or authentication go by.

    Args:
        settings: The configuration.
        of_routes: Those that its routes go by, where they are known already (`decisive_of_route`).
    """
    if of_routes is None:
        of_routes = (name for route in settings.routes for name in decisive_of_route(route))
    return frozenset(name.lower().encode() for name in {*of_routes, *_decisive(settings)})


def decisive_of_route(route: Route) -> Iterator[str]:
    """Yield the names of fields that a route goes by."""
    yield from route.headers
    yield from _of_limits(route.rate_limit)
    if route.cache is not None:
        yield from route.cache.vary
    if route.split_on is not None and route.split_on.startswith("header:"):
        yield route.split_on.removeprefix("header:")


def _of_limits(limits: Sequence[RateLimit]) -> Iterator[str]:
    for limit in limits:
        yield from (scope.removeprefix("header:") for scope in limit.scope if scope.startswith("header:"))
        yield from limit.tier_fields.values()


def _decisive(settings: Settings) -> Iterator[str]:
    yield from _of_limits(settings.rate_limits)
    for upstream in settings.upstreams:
        if upstream.hash_on.startswith("header:"):
            yield upstream.hash_on.removeprefix("header:")
    auth = settings.auth or Auth.unwritten()
    for authority in auth.forward.values():
        yield from authority.request_headers
    yield from ("Authorization", "Cookie")
    yield from places_of_tokens(auth, "header")
    if auth.api_keys is not None:
        yield auth.api_keys.header
