"""Settings of `sticky` into the step that reads and sets the cookies, and into the balancers that go by them.

Tests: `tests/flow/test_sticky.py::test_a_client_stays_at_its_backend`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from gateway.balancing.sticky import Sticky, sticky_key, token
from gateway.composition.foundation import Foundation
from gateway.config import Settings
from gateway.config.schema.upstreams import Upstream as UpstreamSettings
from gateway.exchange import Exchange
from gateway.interfaces import Balancer
from gateway.middleware.sticky import Sticky as StickyStep
from gateway.middleware.sticky import StickyCookie
from gateway.upstream.backend import Backend

Key = Callable[[Exchange], bytes]


def sticky_step(settings: Settings, foundation: Foundation) -> StickyStep | None:
    """Make the step of all routes; None where no upstream binds its clients."""
    cookies = {
        upstream.name: StickyCookie(
            upstream.sticky.cookie.encode(),
            live_tokens(upstream, foundation),
            upstream.sticky.ttl,
            upstream.sticky.secure,
            upstream.sticky.same_site,
        )
        for upstream in settings.upstreams
        if upstream.sticky is not None
    }
    return StickyStep(cookies, foundation.wall_clock) if cookies else None


def bound(balancer: Balancer[Backend], upstream: UpstreamSettings, backends: Sequence[Backend]) -> Balancer[Backend]:
    """Put what keeps clients at their backends in front of a strategy, where the upstream asks for that.

    Args:
        balancer: The strategy, for these backends.
        upstream: Its settings.
        backends: All of the upstream, or its backups, or the others.
    """
    if upstream.sticky is None:
        return balancer
    return Sticky({token_for(upstream, backend.name): backend for backend in backends}, balancer)


def bound_key(key: Key | None, upstream: UpstreamSettings, backends: Sequence[Backend]) -> Key | None:
    """Return what such a balancer places an exchange by."""
    sticky = upstream.sticky
    if sticky is None:
        return key
    return sticky_key(sticky.cookie.encode(), [token_for(upstream, backend.name) for backend in backends], key)


def live_tokens(upstream: UpstreamSettings, foundation: Foundation) -> dict[str, bytes]:
    """Return the tokens of an upstream's backends, by their URLs; those that discovery finds come and go in there."""
    urls = tuple(backend.url for backend in upstream.backends)
    return foundation.carried.get(
        ("sticky tokens", upstream.name, _secret(upstream), urls, upstream.discovery is None),
        lambda: {url: token_for(upstream, url) for url in urls},
    )


def token_for(upstream: UpstreamSettings, url: str) -> bytes:
    """Return the token of a backend."""
    return token(_secret(upstream), upstream.name, url)


def _secret(upstream: UpstreamSettings) -> bytes:
    if upstream.sticky is None or upstream.sticky.secret is None:
        return b""
    return upstream.sticky.secret.get_secret_value().encode()
