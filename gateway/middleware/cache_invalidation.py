"""Forget what a request has changed (RFC 9111 section 4.4).

Tests: `tests/flow/test_cache_invalidation.py::test_what_an_answer_names`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final
from urllib.parse import urljoin

from gateway.caching.flights import Flights
from gateway.caching.key import url_of
from gateway.caching.store import CacheStore, Purge
from gateway.errors import GatewayError
from gateway.exchange import Exchange
from gateway.http.paths import normal_form
from gateway.middleware.cache_request import came_as

_SAFE: Final = frozenset([b"GET", b"HEAD", b"OPTIONS", b"TRACE"])


class Invalidation:
    """The step of routes whose requests may change what another route has kept; part of the cache's own step.

    Args:
        store: Where answers are kept.
        flights: The fetches that are under way.
        tell: Tells who keeps answers besides; None for nobody.
    """

    name = "cache_invalidation"
    __slots__ = ("_flights", "_store", "_tell")

    def __init__(self, store: CacheStore, flights: Flights[Any], tell: Callable[[Purge], object] | None = None) -> None:
        self._store = store
        self._flights = flights
        self._tell = tell

    def on_response(self, exchange: Exchange) -> Awaitable[None] | None:
        """Forget the answers for the URL, and for those of the same origin that the answer names."""
        response = exchange.response
        if exchange.request.method in _SAFE or response is None or exchange.error is not None or response.status >= 400:
            return None
        came = came_as(exchange.request)
        scheme = exchange.scheme
        purges = [Purge(url=url_of(scheme, came.host, exchange.path), query=came.query)]
        index = response.headers.index
        if b"location" in index or b"content-location" in index:
            base = b"%b://%b%b" % (scheme, came.host, came.target)
            for name in (b"location", b"content-location"):
                named = None if name not in index else _named(base, index[name])
                if named is not None:
                    purges.append(named)
        waits = [done for done in map(self._purge, purges) if done is not None]
        return _all(waits) if waits else None

    def _purge(self, purge: Purge) -> Awaitable[None] | None:
        self._flights.forget(purge)
        if self._tell is not None:
            self._tell(purge)
        return self._store.purge(purge)


async def _all(waits: list[Awaitable[None]]) -> None:
    for done in waits:
        await done


def _named(base: bytes, reference: bytes) -> Purge | None:
    """Return what forgets a URL; None for one of another origin, which only its own server may speak for."""
    try:
        url = urljoin(base.decode("latin-1"), reference.decode("latin-1")).encode("latin-1").partition(b"#")[0]
    except ValueError:
        return None
    scheme, separator, rest = url.partition(b"://")
    host, _, target = rest.partition(b"/")
    ours = base.partition(b"://")
    if not separator or scheme.lower() != ours[0]:
        return None
    host = host.lower()
    if url_of(scheme, host, b"") != url_of(scheme, ours[2].partition(b"/")[0], b""):
        return None
    path, _, query = target.partition(b"?")
    try:
        return Purge(url=url_of(scheme, host, normal_form(b"/" + path)), query=query)
    except GatewayError:
        return None
