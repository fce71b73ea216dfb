"""Settings of upstreams into upstreams."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from functools import partial
from urllib.parse import urlsplit

from gateway.balancing import build as build_balancer
from gateway.balancing.keys import hash_key
from gateway.config import Settings
from gateway.config.schema.upstreams import Upstream as UpstreamSettings
from gateway.exchange import Exchange
from gateway.foundation import Foundation
from gateway.upstream.backend import Backend, Upstream
from gateway.upstream.pool import BackendPool
from gateway.upstream.tls import client_tls_options


def build_upstream(
    upstream: UpstreamSettings, settings: Settings, foundation: Foundation, keys: set[Hashable]
) -> Upstream:
    """Build an upstream; its pools are those of the configuration before where nothing of them has changed.

    Args:
        upstream: Its settings.
        settings: The whole configuration.
        foundation: What it is built on.
        keys: Takes the identities of its pools.

    Raises:
        gateway.upstream.tls.TLSSettingsError: A certificate cannot be used.
    """
    backends = []
    for backend in upstream.backends:
        # The identity of a pool: everything that it was made from.
        key = (upstream.name, backend.url, upstream.tls, upstream.pool, settings.timeouts.connect,
               settings.limits.response_header)  # fmt: skip
        keys.add(key)
        make = partial(_pool, upstream, backend.url, settings, foundation)
        backends.append(Backend(backend.url, backend.weight, foundation.pool.backend(key, make)))
    return Upstream(
        upstream.name,
        build_balancer(upstream.strategy, backends, foundation.random),
        backends,
        _key(upstream),
        foundation.metrics.upstream(upstream.name).attempt,
    )


def _key(upstream: UpstreamSettings) -> Callable[[Exchange], bytes] | None:
    if upstream.strategy == "ip_hash":
        return hash_key("ip")
    if upstream.strategy == "consistent_hash":
        return hash_key(upstream.hash_on)
    return None


def _pool(upstream: UpstreamSettings, url: str, settings: Settings, foundation: Foundation) -> BackendPool:
    parts = urlsplit(url)
    host = parts.hostname or ""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    tls = client_tls_options(host, upstream.tls) if parts.scheme == "https" else None
    dial = foundation.dialer.dial
    connect = settings.timeouts.connect
    return BackendPool(
        upstream.name,
        url,
        host,
        lambda make: dial(host, port, tls, make, connect),
        upstream.pool,
        settings.limits.response_header,
        foundation.deadlines,
        foundation.now,
    )
