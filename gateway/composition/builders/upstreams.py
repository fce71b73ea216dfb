"""Settings of upstreams into upstreams."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IProtocol

from gateway.balancing import build as build_balancer
from gateway.balancing.answer_times import AnswerTimes
from gateway.balancing.backups import Backups
from gateway.balancing.keys import hash_key
from gateway.composition.builders.conditions import Others, build_condition, build_fallback, build_standing
from gateway.composition.builders.dry_run import breaker_note
from gateway.composition.foundation import Foundation
from gateway.config import Settings
from gateway.config.schema.upstreams import Backend as BackendSettings
from gateway.config.schema.upstreams import Upstream as UpstreamSettings
from gateway.dialling.tls import ALPN, client_tls_options, files_digest
from gateway.exchange import Exchange
from gateway.http.reverse import Reverse
from gateway.http1.response_parser import ResponseMemo
from gateway.http2.codes import H2
from gateway.http2.library import available
from gateway.interfaces import Balancer
from gateway.middleware.gate import Gate
from gateway.transport.proxy_greeting import greeting
from gateway.upstream.backend import Backend, Upstream
from gateway.upstream.backend_pool import BackendPool
from gateway.upstream.client_pools import ClientPools, ends_of
from gateway.upstream.contract import Connect
from gateway.upstream.dry_run import DryRunUpstream
from gateway.upstream.http1_opening import speaking_http1
from gateway.upstream.request_head import Heading
from gateway.upstream.versions_pool import VersionsPool

if TYPE_CHECKING:
    from gateway.upstream.http2_talk import Talk


def build_upstreams(
    settings: Settings, foundation: Foundation, gates: Mapping[str, Gate]
) -> tuple[dict[str, Upstream], frozenset[Hashable]]:
    """Build the upstreams of a configuration, by name; with them come the identities of all their pools.

    Args:
        settings: The configuration.
        foundation: What it is built on.
        gates: Before upstreams that are limited, by name.

    Raises:
        gateway.dialling.tls.TLSSettingsError: A certificate cannot be used.
    """
    keys: set[Hashable] = set()
    upstreams: dict[str, Upstream] = {}
    for upstream in settings.upstreams:
        # An upstream may fall back to one that is built after it: it is looked up when it is needed.
        upstreams[upstream.name] = build_upstream(upstream, settings, foundation, keys, upstreams.__getitem__, gates)
    return upstreams, frozenset(keys)


def build_upstream(
    upstream: UpstreamSettings,
    settings: Settings,
    foundation: Foundation,
    keys: set[Hashable],
    others: Others,
    gates: Mapping[str, Gate],
) -> Upstream:
    """Build an upstream; its pools and what is known of its backends are carried over where nothing has changed.

    Args:
        upstream: Its settings.
        settings: The whole configuration.
        foundation: What it is built on.
        keys: Takes the identities of its pools.
        others: Finds the upstream to fall back to.
        gates: Before upstreams that are limited, by name.

    Raises:
        gateway.dialling.tls.TLSSettingsError: A certificate cannot be used.
    """
    breaker = settings.breaker_of(upstream)
    condition = build_condition(upstream, breaker, foundation)
    turns = upstream.strategy not in ("ip_hash", "consistent_hash")
    grows = condition is not None and condition.rules.slow_start > 0 and turns
    files = files_digest(upstream.tls) if any(backend.scheme == "https" for backend in upstream.backends) else b""
    backends = []
    for backend in upstream.backends:
        # The identity of a pool: everything that it was made from.
        key = (upstream.name, backend.url, upstream.host_sent(backend), upstream.tls_of_backends, files, upstream.pool,
               upstream.proxy_protocol, upstream.protocol, settings.timeouts.connect, settings.limits.response_header,
               settings.limits.connections)  # fmt: skip
        keys.add(key)
        make = partial(_pool, upstream, backend, settings, foundation)
        pool = foundation.pool.backend(key, make)
        standing = None
        if condition is not None:
            tls = client_tls_options(backend.host, upstream.tls_of_backends) if backend.scheme == "https" else None
            standing = build_standing(backend, upstream, condition, foundation, tls, files)
        reverse = _reverse(upstream, backend)
        times = _times(upstream, backend, foundation)
        calls = upstream.may_speak_http2(backend)
        backends.append(
            Backend(backend.url, backend.weight, pool, standing, grows, reverse, backend.backup, times, calls)
        )
    if condition is not None and condition.detector is not None:
        backups = frozenset(backend.name for backend in backends if backend.backup and backend.full_weight)
        foundation.carried.then(partial(setattr, condition.detector, "backups", backups))
    kind: Callable[..., Upstream] = Upstream
    if breaker is not None and breaker.dry_run:
        kind = partial(DryRunUpstream, breaker_note(upstream.name, foundation))
    return kind(
        upstream.name,
        _balancer(upstream, backends, foundation.random, grows),
        backends,
        _key(upstream),
        foundation.metrics.upstream(upstream.name).attempt,
        condition,
        None if breaker is None else build_fallback(upstream, breaker.fallback, foundation, others, gates),
    )


def _balancer(
    upstream: UpstreamSettings, backends: Sequence[Backend], random: Callable[[], float], grows: bool
) -> Balancer[Backend]:
    """Make what picks a backend: by the strategy, the backups last, for clients that are bound to none."""
    times = {backend.name: backend.times for backend in backends if backend.times is not None}

    def of(some: Sequence[Backend]) -> Balancer[Backend]:
        balancer = build_balancer(upstream.strategy, some, random, grows, times)
        if upstream.sticky is None:
            return balancer
        from gateway.composition.builders.sticky import bound

        return bound(balancer, upstream, some)

    backups = [backend for backend in backends if backend.backup]
    if not backups:
        return of(backends)
    first = [backend for backend in backends if not backend.backup]
    # A client is bound to a backup only as long as the backups are in use.
    return Backups(first, of(first), backups, of(backups))


def _times(upstream: UpstreamSettings, backend: BackendSettings, foundation: Foundation) -> AnswerTimes | None:
    """Return what is known of a backend's answers, where the strategy asks for it."""
    if upstream.strategy != "least_latency" or len(upstream.backends) == 1:
        return None
    return foundation.carried.get(("answer times", upstream.name, backend.url), AnswerTimes)


def _key(upstream: UpstreamSettings) -> Callable[[Exchange], bytes] | None:
    key = None
    if upstream.strategy == "ip_hash":
        key = hash_key("ip")
    elif upstream.strategy == "consistent_hash":
        key = hash_key(upstream.hash_on)
    if upstream.sticky is None:
        return key
    from gateway.composition.builders.sticky import bound_key

    return bound_key(key, upstream)


def _reverse(upstream: UpstreamSettings, backend: BackendSettings) -> Reverse | None:
    """Make what rewrites the answers of a backend, where that is asked for."""
    if not upstream.rewrite_responses:
        return None
    scheme = b"https" if backend.scheme == "https" else b"http"
    return Reverse(scheme, backend.authority, upstream.host_sent(backend), backend.base.encode())


def _pool(
    upstream: UpstreamSettings, backend: BackendSettings, settings: Settings, foundation: Foundation
) -> BackendPool:
    host, port = backend.host, backend.port
    secure = backend.scheme == "https"
    offered = _offered(upstream) if secure else ()
    tls_of_all = client_tls_options(host, upstream.tls_of_backends, offered) if secure else None
    apart = H2 in offered and len(offered) > 1  # a request for an upgrade has to be asked by HTTP/1.1
    tls_http1 = client_tls_options(host, upstream.tls_of_backends) if apart else tls_of_all
    dial = foundation.dialer.dial
    timeout = settings.timeouts.connect
    sent_as = (backend.authority, upstream.host_sent(backend), backend.base.encode())
    heading, most_head, memo = Heading(*sent_as), settings.limits.response_header, ResponseMemo()
    knows = upstream.known_to_speak_http2(backend)
    talk: Talk | None = None
    if knows or H2 in offered:
        # Only here: it loads ngh2.
        from gateway.upstream.http2_head import Http2Heading
        from gateway.upstream.http2_opening import speaking_either, speaking_http2
        from gateway.upstream.http2_talk import Talk

        heading2 = Http2Heading(b"https" if secure else b"http", *sent_as)
        talk = Talk(heading2, most_head, upstream.pool.max_streams, foundation.later)

    def connect(first: bytes, upgrade: bool = False) -> Connect:
        tls = tls_http1 if upgrade else tls_of_all

        def dialled(make: Callable[[], IProtocol]) -> Deferred[IProtocol]:
            return dial(host, port, tls, make, timeout, first)

        if talk is None or (upgrade and apart):
            return speaking_http1(dialled, heading, most_head, memo)
        if knows:
            return speaking_http2(dialled, talk)
        return speaking_either(dialled, talk, heading, most_head, memo, only_http2=offered == (H2,))

    version = upstream.proxy_protocol
    kind: Callable[..., BackendPool] = BackendPool
    if version is not None:
        kind = partial(ClientPools, upgrades_apart=apart)
    elif apart:
        kind = partial(VersionsPool, connect_http1=connect(b"", True))
    elif knows:
        kind = partial(BackendPool, each=upstream.pool.max_streams)
    return kind(
        upstream.name,
        backend.url,
        host,
        connect(b"")
        if version is None
        else lambda exchange: connect(greeting(version, ends_of(exchange)), exchange.request.upgrade is not None),
        limits=upstream.pool,
        most_lent=settings.limits.connections,
        deadlines=foundation.deadlines,
        now=foundation.now,
        random=foundation.random,
    )


def _offered(upstream: UpstreamSettings) -> tuple[bytes, ...]:
    """Return what is offered by ALPN to https:// backends, the preferred one first."""
    if upstream.protocol == "http1" or not available():
        return ALPN
    return (H2,) if upstream.protocol == "http2" else (H2, *ALPN)
