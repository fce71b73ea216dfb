"""Doubts about `backup`: backends that nothing ever leads to, or that are all there is.

Tests: `tests/config/doubts/test_doubts.py::test_backups_that_nothing_leads_to`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from gateway.config.doubts.common import Doubt
from gateway.config.schema import Settings
from gateway.config.schema.routes import Route
from gateway.config.schema.upstreams import Upstream


def backups(settings: Settings, upstream: Upstream, routes: Sequence[Route]) -> Iterator[Doubt]:
    """Doubt the backups of an upstream.

    Args:
        settings: The configuration.
        upstream: Its settings.
        routes: Those that lead to it.
    """
    places = [index for index, backend in enumerate(upstream.backends) if backend.backup]
    first = [backend for backend in upstream.backends if not backend.backup and backend.weight]
    if not places or upstream.discovery is not None:
        return
    key = ("backends", places[0], "backup")
    if len(places) == len(upstream.backends):
        yield key, "all backends are backups, which is as if none were"
        return
    # By tries a backup is reached once all others were tried.
    tries = max((route.retry.attempts for route in routes if route.retry is not None), default=0)
    breaker = settings.breaker_of(upstream)
    if not first or tries >= len(first) or upstream.health_check is not None:
        return
    if breaker is not None and not breaker.dry_run:
        return
    passive = upstream.passive_health
    if passive is None or not passive.max_ejected_percent:
        nothing = "there is no `health_check`, `passive_health` or `circuit_breaker`"
        words = nothing if passive is None else "`passive_health.max_ejected_percent` is 0"
        yield key, f"it is never asked: nothing takes the others out ({words}), and no `retry` tries them all"
