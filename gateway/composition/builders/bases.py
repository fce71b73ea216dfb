"""Which upstreams have backends with a base path, and so routes that are held below it.

Tests: `tests/flow/test_base_paths.py::test_the_fallback_is_held_below_its_base_too`.
"""

from __future__ import annotations

from gateway.config import Settings


def upstreams_below_a_base(settings: Settings) -> frozenset[str]:
    """Return the names of upstreams of which an exchange may come to a backend with a base path, by a fallback too."""
    own = {upstream.name for upstream in settings.upstreams if upstream.below_a_base}
    found = set(own)
    for upstream in settings.upstreams:
        breaker = settings.breaker_of(upstream)
        if breaker is not None and breaker.fallback.upstream in own:
            found.add(upstream.name)
    return frozenset(found)
