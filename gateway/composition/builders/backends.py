"""Settings of backends into backends: their pools, what is known of them, and what picks one.

Asked by `gateway.composition.builders.upstreams` for those of a configuration, by `.members` for those that are found.

Tests: `tests/flow/test_reload.py::test_an_unchanged_backend_keeps_its_connections`.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IProtocol

from gateway.balancing import build as build_balancer
from gateway.balancing.answer_times import AnswerTimes
from gateway.balancing.backups import Backups
from gateway.balancing.keys import hash_key
from gateway.composition.builders.conditions import build_standing
from gateway.composition.foundation import Foundation
from gateway.config import Settings
from gateway.config.problems import below
from gateway.config.schema.upstreams import Backend as BackendSettings
from gateway.config.schema.upstreams import Upstream as UpstreamSettings
from gateway.exchange import Exchange
from gateway.http.reverse import Reverse
from gateway.http1.response_parser import ResponseMemo
from gateway.http2.codes import H2
from gateway.http2.library import available
from gateway.interfaces import Balancer
from gateway.upstream.backend import Backend
from gateway.upstream.backend_pool import BackendPool
from gateway.upstream.contract import Connect
from gateway.upstream.http1_opening import speaking_http1
from gateway.upstream.request_head import Heading
from gateway.upstream.standing import Condition

if TYPE_CHECKING:
    from twisted.internet.interfaces import IOpenSSLClientConnectionCreator

    from gateway.upstream.http2_talk import Talk

_HTTP11 = (b"http/1.1",)


class Building:
    """Makes the backends of an upstream, those of its configuration and those that are found later.

    Args:
        upstream: Its settings.
        settings: The whole configuration.
        condition: What is known of it; None where nothing is watched.
    """

    def __init__(self, upstream: UpstreamSettings, settings: Settings, condition: Condition | None) -> None:
        self._upstream = upstream
        self._settings = settings
        self._condition = condition
        turns = upstream.strategy not in ("ip_hash", "consistent_hash")
        self._grows = condition is not None and condition.rules.slow_start > 0 and turns
        self._files = _files_digest(upstream) if "https" in upstream.schemes else b""

    def check(self) -> None:
        """Find out whether members could be asked that are yet to be found.

        Raises:
            gateway.config.ConfigError: A certificate cannot be used.
        """
        if "https" in self._upstream.schemes:
            _client_tls("members.invalid", self._upstream)

    def key(self, backend: BackendSettings) -> Hashable:
        """Return the identity of a backend's pool: everything that it is made from."""
        upstream, settings = self._upstream, self._settings
        return (upstream.name, backend.url, upstream.host_sent(backend), upstream.tls_of_backends, self._files,
                upstream.pool, upstream.proxy_protocol, upstream.protocol, settings.timeouts.connect,
                settings.limits.response_header, settings.limits.connections)  # fmt: skip

    def backend(self, backend: BackendSettings, foundation: Foundation) -> Backend:
        """Make a backend.

        Args:
            backend: Its settings.
            foundation: What it is built on; `carried` there keeps what is known of it.

        Raises:
            gateway.config.ConfigError: A certificate cannot be used.
        """
        upstream, condition = self._upstream, self._condition
        make = partial(_pool, upstream, backend, self._settings, foundation)
        pool = foundation.pool.backend(self.key(backend), make)
        standing = None
        if condition is not None:
            tls = _client_tls(backend.host, upstream) if backend.scheme == "https" else None
            standing = build_standing(backend, upstream, condition, foundation, tls, self._files)
        return Backend(
            backend.url,
            backend.weight,
            pool,
            standing,
            self._grows,
            _reverse(upstream, backend),
            backend.backup,
            _times(upstream, backend, foundation),
            upstream.may_speak_http2(backend),
        )

    def balancer(self, backends: Sequence[Backend], random: Callable[[], float]) -> Balancer[Backend]:
        """Make what picks a backend: by the strategy, the backups last, for clients that are bound to none."""
        upstream = self._upstream
        times = {backend.name: backend.times for backend in backends if backend.times is not None}

        def of(some: Sequence[Backend]) -> Balancer[Backend]:
            balancer = build_balancer(upstream.strategy, some, random, self._grows, times)
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


def backups_of(backends: Sequence[Backend]) -> frozenset[str]:
    """Return the names of the backups that may be asked at all."""
    return frozenset(backend.name for backend in backends if backend.backup and backend.full_weight)


def _times(upstream: UpstreamSettings, backend: BackendSettings, foundation: Foundation) -> AnswerTimes | None:
    """Return what is known of a backend's answers, where the strategy asks for it."""
    if upstream.strategy != "least_latency" or (len(upstream.backends) == 1 and upstream.discovery is None):
        return None
    return foundation.carried.get(("answer times", upstream.name, backend.url), AnswerTimes)


def placing(upstream: UpstreamSettings, backends: Sequence[Backend]) -> Callable[[Exchange], bytes] | None:
    """Make what tells by what an exchange is placed; None where that does not matter."""
    key = None
    if upstream.strategy == "ip_hash":
        key = hash_key("ip")
    elif upstream.strategy == "consistent_hash":
        key = hash_key(upstream.hash_on)
    if upstream.sticky is None:
        return key
    from gateway.composition.builders.sticky import bound_key

    return bound_key(key, upstream, backends)


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
    tls_of_all = _client_tls(host, upstream, offered) if secure else None
    apart = H2 in offered and len(offered) > 1  # a request for an upgrade has to be asked by HTTP/1.1
    tls_http1 = _client_tls(host, upstream) if apart else tls_of_all
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
    opening: Any = connect(b"")
    if version is not None:
        from gateway.transport.proxy_greeting import greeting
        from gateway.upstream.client_pools import ClientPools, ends_of

        def introduced(exchange: Exchange) -> Connect:
            return connect(greeting(version, ends_of(exchange)), exchange.request.upgrade is not None)

        kind, opening = partial(ClientPools, upgrades_apart=apart), introduced
    elif apart:
        from gateway.upstream.versions_pool import VersionsPool

        kind = partial(VersionsPool, connect_http1=connect(b"", True))
    elif knows:
        kind = partial(BackendPool, each=upstream.pool.max_streams)
    return kind(
        upstream.name,
        backend.url,
        host,
        opening,
        limits=upstream.pool,
        most_lent=settings.limits.connections,
        deadlines=foundation.deadlines,
        now=foundation.now,
        random=foundation.random,
    )


def _offered(upstream: UpstreamSettings) -> tuple[bytes, ...]:
    """Return what is offered by ALPN to https:// backends, the preferred one first."""
    if upstream.protocol == "http1" or not available():
        return _HTTP11
    return (H2,) if upstream.protocol == "http2" else (H2, *_HTTP11)


def _client_tls(
    host: str, upstream: UpstreamSettings, offered: tuple[bytes, ...] = _HTTP11
) -> IOpenSSLClientConnectionCreator:
    from gateway.dialling.tls import client_tls_options  # loaded with the first https:// backend

    with below("tls."):
        return client_tls_options(host, upstream.tls_of_backends, offered)


def _files_digest(upstream: UpstreamSettings) -> bytes:
    from gateway.dialling.tls import files_digest

    with below("tls."):
        return files_digest(upstream.tls)
