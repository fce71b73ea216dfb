"""What a route's cache makes of a request: its key, the values that answers are chosen by, and what a backend is asked.

# Note [The same key again]
The key of a request that is like most (`ordinary`, not changed by a step, of a route without `vary`) is told by its
host, target, path and scheme, and by the upstream. So the key is remembered by host and target, beside the rest that it
was made of, and is made once for all that ask for the same; one object has one hash, too. That is 2,000 instructions of
the 70,000 of a hit. A key with another path, scheme or upstream than what is remembered is made each time.

Tests: `tests/flow/test_cache_keys.py::test_what_is_in_the_key`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, cast

from mypy_extensions import mypyc_attr

from gateway.caching.kept import Kept, Values
from gateway.caching.key import FORWARDED, NAMES_CLIENT, OVERRIDES, Among, Key, kept_query, make_key, overriding
from gateway.caching.normal import normal
from gateway.caching.store import Chosen
from gateway.caching.validation import CONDITIONS, conditions_for
from gateway.exchange import Exchange
from gateway.headers import Headers
from gateway.http.fields import FieldFilter, connection_options
from gateway.http.forwarded_field import of_target
from gateway.http.memo import Memo
from gateway.message import Request
from gateway.middleware.sending import values_sent
from gateway.middleware.transformation import ChangedRequest

_ENCODING: Final = b"accept-encoding"
_ASKING: Final = CONDITIONS | {b"cache-control", b"pragma", b"range", b"if-match", b"if-unmodified-since"}
"""Request fields by which a client asks something of a cache, or of who answers in its place."""

_FOR: Final = b"x-forwarded-for"
_NONE: Final = Headers()
_NOT_SENT: Final = Among(CONDITIONS | {_ENCODING, FORWARDED, b"if-range", b"range"})


class _Made:
    """A key that was made, by whom, and what else it was made of than host and target."""

    __slots__ = ("key", "path", "requests", "scheme", "upstream")

    def __init__(self, requests: Requests, key: Key, path: bytes, scheme: bytes, upstream: str | None) -> None:
        self.requests = requests
        self.key = key
        self.path = path
        self.scheme = scheme
        self.upstream = upstream


@mypyc_attr(allow_interpreted_subclasses=True)
class _Keys(Memo[bytes, _Made]):
    """Keys by host and target, which begins with what no host has: a slash."""

    most = 1024
    longest = 512


class _Chosen:
    """Tells the values that answers to one request are chosen by; a class, since making a `partial` takes longer."""

    __slots__ = ("_exchange", "_requests")

    def __init__(self, requests: Requests, exchange: Exchange) -> None:
        self._requests = requests
        self._exchange = exchange

    def __call__(self, names: tuple[bytes, ...]) -> Values:
        return self._requests.values(self._exchange, names)


class Requests:
    """The rules of one route about its requests.

    Args:
        scope: Names what else its answers depend on.
        route: Its name.
        query: Names of the parameters that count; None for all.
        vary: Lower-case names of fields that are part of the key.
        passes: Which of the client's fields are forwarded.
        codings: Makes one spelling of `Accept-Encoding`, None for none.
        asks: Tells what else is asked for that neither target nor fields tell; None for nothing.
    """

    __slots__ = ("_asks", "_codings", "_encoding_passes", "_known", "_passes", "_query", "_route", "_scope", "_vary")

    def __init__(
        self,
        scope: bytes,
        route: str,
        query: frozenset[bytes] | None,
        vary: Sequence[bytes],
        passes: FieldFilter,
        codings: Callable[[bytes], bytes | None],
        asks: Callable[[Exchange], bytes] | None = None,
    ) -> None:
        self._asks = asks
        self._scope = scope
        self._route = route
        self._query = query
        self._vary = tuple(vary)
        self._passes = passes
        self._codings = codings
        self._encoding_passes = passes[_ENCODING]
        self._known = _Keys()

    def key(self, exchange: Exchange) -> Key:
        """Return what a request is kept under; to be read only: see Note [The same key again]."""
        request = exchange.request
        repeat = request.repeats
        if repeat is not None and repeat.key is not None:
            made = cast("_Made", repeat.key)
            if made.requests is self and self._is_of(made, exchange):
                return made.key
        if self._vary or self._asks or isinstance(request, ChangedRequest) or not ordinary(request.headers):
            return self._key(exchange)
        name = request.host + request.target
        known = self._known.get(name)
        if known is None:
            key = self._key(exchange)
            if self._known.came_before(name):
                self._known.remember(name, _Made(self, key, exchange.path, exchange.scheme, exchange.upstream))
            return key
        if self._is_of(known, exchange):
            if repeat is not None:
                repeat.key = known
            return known.key
        return self._key(exchange)

    def _is_of(self, made: _Made, exchange: Exchange) -> bool:
        """Whether a key that was made for an exchange with the same host and target is that of this one."""
        return made.path == exchange.path and made.scheme == exchange.scheme and made.upstream == exchange.upstream

    def _key(self, exchange: Exchange) -> Key:
        request = exchange.request
        came = came_as(request)
        target, query = request.target, came.query
        if self._query is not None:
            target = self._target(target)
        made = make_key(
            self._scope,
            self._route,
            exchange.scheme,
            came.host,
            exchange.path,
            target,
            query if self._query is None else None,
        )
        headers = request.headers
        if not ordinary(headers):
            made.primary += overriding(headers)
        if self._vary:
            for value in self.values(exchange, self._vary):
                made.primary += b"\n-" if value is None else b"\n+" + value
        if self._asks is not None:
            made.primary += b"\n=" + self._asks(exchange)
        if exchange.upstream is not None:  # chosen of several
            made.primary += b"\n>" + exchange.upstream.encode()
        if request.host != came.host:
            made.primary += b"\n@" + request.host
        return made

    def chosen(self, exchange: Exchange) -> Chosen:
        """Return what tells the values that answers to a request are chosen by."""
        return _Chosen(self, exchange)

    def values(self, exchange: Exchange, names: tuple[bytes, ...]) -> Values:
        """Return what a backend gets in some fields, in normal form."""
        told = list(values_sent(exchange, names, self._passes))
        for place, name in enumerate(names):
            value = told[place]
            if value is not None:
                told[place] = self._codings(value) if name == _ENCODING else normal(name, value)
        return tuple(told)

    def asked(self, exchange: Exchange, kept: Kept | None) -> Request:
        """Return what a backend is asked for a request.

        Args:
            exchange: Has the request.
            kept: What is to be validated; None for nothing. The client's own conditions do not go on.
        """
        made = ChangedRequest(exchange.request)
        if self._query is not None:
            made.target = self._target(made.target)
            made.query = made.target.partition(b"?")[2]
        fields = [field for field in made.headers.fields if not (_NOT_SENT[field[0]] or NAMES_CLIENT[field[0]])]
        if _FOR in made.headers.index and exchange.client_address != exchange.forwarding.client_address(_NONE):
            # Who came by a trusted proxy is told as that says, without what a client may have written before it.
            fields.append((_FOR, b"X-Forwarded-For", exchange.client_address.encode()))
        if FORWARDED in made.headers.index:
            asked = of_target(made.headers.joined(FORWARDED) or b"")
            if asked:
                fields.append((FORWARDED, b"Forwarded", asked))
        coding = self._coding(made.headers)
        if coding is not None:
            fields.append((_ENCODING, b"Accept-Encoding", coding))
        if kept is not None:
            made.method = b"GET"
            fields += conditions_for(kept)
        made.headers = Headers.of(fields)
        return made

    def _coding(self, headers: Headers) -> bytes | None:
        if not self._encoding_passes or _ENCODING not in headers.index:
            return None
        if b"connection" in headers.index and _ENCODING in connection_options(headers):
            return None  # it is for one hop only, and not sent on
        return self._codings(headers.joined(_ENCODING) or b"")

    def _target(self, target: bytes) -> bytes:
        """Return a target with the parameters that count."""
        path, _, query = target.partition(b"?")
        assert self._query is not None
        left = kept_query(query, self._query) if self._query else b""
        return path + b"?" + left if left else path


def ordinary(headers: Headers) -> bool:
    """Whether no field of a request asks anything of caches, or overrides what the request line says."""
    block = headers.block
    if block is None:
        return _is_ordinary(headers)
    known = block.ordinary
    if known is None:
        known = block.ordinary = _is_ordinary(headers)
    return known


def _is_ordinary(headers: Headers) -> bool:
    index = headers.index
    return _ASKING.isdisjoint(index) and FORWARDED not in index and not any(OVERRIDES[name] for name in index)


def came_as(request: Request) -> Request:
    """Return the request as it came, where `gateway.middleware.transformation` has changed it."""
    return request.original if isinstance(request, ChangedRequest) else request
