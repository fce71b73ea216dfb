"""Which rules of a configuration are in dry run: watched, and not acting.

Tests: `tests/config/doubts/test_doubts.py::test_a_rule_in_dry_run_protects_nothing`.
"""

from __future__ import annotations

from collections.abc import Iterator

from gateway.config.schema import Settings
from gateway.config.schema.routes import Route

Steps = tuple[str | int, ...]


def dry_runs(settings: Settings) -> Iterator[Steps]:
    """Yield where each of them says so."""
    for place, shared in enumerate(settings.rate_limits):
        if shared.dry_run:
            yield "rate_limits", place, "dry_run"
    if settings.ip_dry_run:
        yield ("ip_dry_run",)
    if settings.circuit_breaker is not None and settings.circuit_breaker.dry_run:
        yield "circuit_breaker", "dry_run"
    for place, upstream in enumerate(settings.upstreams):
        if upstream.circuit_breaker is not None and upstream.circuit_breaker.dry_run:
            yield "upstreams", place, "circuit_breaker", "dry_run"
    for place, route in enumerate(settings.routes):
        for steps in _of_route(route):
            yield "routes", place, *steps


def _of_route(route: Route) -> Iterator[Steps]:
    for number, limit in enumerate(route.rate_limit):
        if limit.dry_run:
            yield "rate_limit", number, "dry_run"
    if route.auth is not None and route.auth.dry_run:
        yield "auth", "dry_run"
    if route.cors is not None and route.cors.dry_run:
        yield "cors", "dry_run"
    if route.ip_dry_run:
        yield ("ip_dry_run",)


def has_dry_runs(settings: Settings) -> bool:
    """Whether there are any."""
    return (
        next(dry_runs(settings.model_copy(update={"routes": ()})), None) is not None
        or next(filter(_is_dry, settings.routes), None) is not None
    )


def _is_dry(route: Route) -> bool:
    """Whether a route has any; asked of thousands, most of which have nothing that could be."""
    for limit in route.rate_limit:
        if limit.dry_run:
            return True
    return route.ip_dry_run or ((route.auth is not None or route.cors is not None) and any(_of_route(route)))
