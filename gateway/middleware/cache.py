"""Answer with what was kept, and keep what may be: a shared cache in front of a route (RFC 9111).

Stands behind everything that decides whether a request is let through, and behind what changes requests: a hit is
limited and authenticated, and what is kept is what the backend said. What it answers with passes every step as an
answer of a backend does. Rules are in `gateway.caching`; fetches are in `gateway.middleware.cache_fetch`.

# Note [What passes by the cache]
Requests that are not GET or HEAD, have content, change the protocol, or ask for an answer under a condition that only
the backend can judge (`If-Match`, `If-Unmodified-Since`), go on to the backend as they are, and their answers are not
kept. So do a HEAD and a request for a part, where nothing is kept: their answers are not whole. So does what a client
asks with `no-store`.

Tests: `tests/flow/test_cache.py::test_what_is_fresh_is_answered_from_the_cache`.
"""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final, Protocol

from twisted.internet.defer import ensureDeferred
from twisted.python.failure import Failure

from gateway.body import HIGH_WATER, Body
from gateway.caching.flights import Reader
from gateway.caching.freshness import chosen_by, keep
from gateway.caching.kept import Kept
from gateway.caching.key import Key
from gateway.caching.memory import MemoryStore
from gateway.caching.status import NAME, hit
from gateway.caching.store import Missed
from gateway.caching.wishes import wishes
from gateway.errors import NotCached
from gateway.exchange import Exchange
from gateway.message import Request, Response
from gateway.middleware.cache_answer import answer, answer_hit
from gateway.middleware.cache_fetch import Fetch
from gateway.middleware.cache_invalidation import Invalidation
from gateway.middleware.cache_parts import Parts
from gateway.middleware.cache_request import ordinary
from gateway.middleware.cache_waiting import Waiting
from gateway.middleware.sending import identified

_BY_BACKEND: Final = frozenset([b"if-match", b"if-unmodified-since"])

OUTCOMES: Final = ("bypass", "collapsed", "hit", "miss", "revalidated", "stale")
"""What `Exchange.cached` may be, beside empty."""

_OURS: Final = frozenset(["hit", "stale", "revalidated"])
_SAYS: Final = {"bypass": b"gateway; fwd=bypass", "miss": b"gateway; fwd=uri-miss"}
_METHOD: Final = b"gateway; fwd=method"


class Counted(Protocol):
    """Where an outcome is counted (`gateway.telemetry.series.Cell`)."""

    count: int


class CacheStep:
    """The step of a route with `cache`.

    Args:
        parts: What it works with.
        methods: Those that are answered: GET, HEAD or both.
        coalesce: Whether many who wait for the same have it fetched once.
        invalidation: Forgets what a request changes.
        count: Returns where an outcome is counted, by its name.
    """

    name = "cache"
    __slots__ = (
        "_coalesce",
        "_counts",
        "_invalidation",
        "_lent",
        "_measured",
        "_methods",
        "_now",
        "_parts",
        "_passed",
        "_requests",
        "_says",
        "_store",
        "_waited",
    )

    def __init__(
        self,
        parts: Parts,
        methods: frozenset[bytes],
        coalesce: bool,
        invalidation: Invalidation,
        count: Callable[[str], Counted],
    ) -> None:
        self._parts = parts
        self._methods = methods
        self._coalesce = coalesce
        self._invalidation = invalidation
        self._counts = {outcome: count(outcome) for outcome in OUTCOMES}
        self._store = parts.store
        self._now = parts.now
        self._requests = parts.requests
        self._says = parts.says
        # Exchanges that go to the backend though their answers might be kept, those that have waited for a fetch, and
        # those that read what is kept.
        self._passed: dict[Exchange, Key] = {}
        self._waited: dict[Exchange, Waiting] = {}
        self._lent: dict[Exchange, Reader] = {}
        # Those whose answers might be kept, but for their length, which is not known before their end.
        self._measured: dict[Exchange, tuple[Key, Body]] = {}
        parts.rejoin = self._rejoin
        parts.lend = self._lend

    def behind(self, begin: Callable[[Exchange], None]) -> None:
        """Take what begins an exchange behind this step: fetches go there."""
        self._parts.begin = begin

    def on_request(self, exchange: Exchange) -> Response | Awaitable[Response | None] | None:
        """Answer, wait for the answer, or let the exchange go on to the backend.

        Raises:
            NotCached: The client wants nobody to be asked, and nothing is kept.
        """
        request = exchange.request
        if request.method not in self._methods:
            return None
        plain = ordinary(request.headers)
        if request.body is not None or request.upgrade is not None or not (plain or _may_be_kept(request)):
            exchange.cached = "bypass"
            return None
        requests, now = self._requests, self._now()
        key = requests.key(exchange)
        found = self._store.find(key, requests.chosen(exchange), now)
        if isinstance(found, Kept):
            if plain and now < found.fresh and request.method == b"GET" and len(found.body) <= HIGH_WATER:
                exchange.cached = "hit"
                if request.repeat is None and found.shown is not None:  # asked for a third time within a second
                    exchange.downstream.expect_again(exchange)
                return answer_hit(found, now, self._says)
            return self._found(exchange, key, found)
        if isinstance(found, Missed):
            return self._found(exchange, key, found)
        return self._later(exchange, key, found)

    def foresee(self, exchange: Exchange) -> tuple[str, Kept | None] | None:
        """Return what would become of a request here, and what is kept for it; nobody is asked and nothing is counted.

        For people. None where that is not known here, since answers are kept elsewhere.
        """
        request, store, now = exchange.request, self._store, self._now()
        wants = wishes(request.headers)
        ours = request.method in self._methods and request.body is None and request.upgrade is None
        if not ours or not wants.stored or not (ordinary(request.headers) or _may_be_kept(request)):
            return "bypass", None
        if not isinstance(store, MemoryStore):
            return None
        kept = store.foresee(self._requests.key(exchange), self._requests.chosen(exchange), now)
        if kept is None:
            return "miss", None
        if wants.fresh(kept, now):
            return "hit", kept
        return ("stale" if kept.fresh <= now < kept.lent and not wants.demanding else "miss"), kept

    async def _later(self, exchange: Exchange, key: Key, asked: Awaitable[Kept | Missed]) -> Response | None:
        answered = self._found(exchange, key, await asked)
        return await answered if isinstance(answered, Waiting) else answered

    def _found(self, exchange: Exchange, key: Key, found: Kept | Missed) -> Response | Waiting | None:
        parts, request, now = self._parts, exchange.request, self._now()
        wants = wishes(request.headers)
        kept = None
        if isinstance(found, Kept):
            kept = found
            if request.method == b"GET" and not parts.lending.may(kept.body):
                if wants.only_if_cached:
                    raise NotCached()
                exchange.cached = "bypass"
                return None
            if wants.fresh(kept, now):
                exchange.cached = "hit"
                return answer(kept, request, now, hit(kept, now) if parts.says else b"", partial(self._lend, exchange))
            if now < kept.lent and now >= kept.fresh and not wants.demanding:
                self._fetch_aside(exchange, key, kept)
                exchange.cached = "stale"
                return answer(kept, request, now, hit(kept, now) if parts.says else b"", partial(self._lend, exchange))
        if wants.only_if_cached:
            raise NotCached()
        if not wants.stored:
            exchange.cached = "bypass"
            return None
        exchange.cached = "miss"
        if kept is None and (
            request.method == b"HEAD" or b"range" in request.headers.index or parts.passes(key, exchange)
        ):
            self._passed[exchange] = key
            return None
        waiting = self._waited[exchange] = Waiting(exchange, wants, kept)
        why = b"uri-miss" if kept is None else b"request" if now < kept.fresh else b"stale"
        self._fetch(waiting, key, kept, found.stamp, why)
        return waiting

    def _fetch(self, waiting: Waiting, key: Key, kept: Kept | None, stamp: int, why: bytes) -> None:
        """Let an exchange join a fetch, or begin one."""
        parts, exchange = self._parts, waiting.exchange
        name = parts.name(key, exchange, stamp) if self._coalesce and not waiting.wishes.demanding else None
        fetch = None if name is None else parts.flights.find(name)
        if fetch is None or not fetch.join(waiting):
            Fetch(parts, name, key, kept, stamp, why, waiting).begin(exchange)

    def _fetch_aside(self, exchange: Exchange, key: Key, kept: Kept) -> None:
        """Have a stale answer validated, or fetched anew, while it is given (RFC 5861 section 3)."""
        parts = self._parts
        if parts.rests(key, self._now()):
            return
        name = parts.name(key, exchange, kept.stamp)
        if parts.flights.find(name) is None:
            Fetch(parts, name, key, kept, kept.stamp, b"stale", owner=None).begin(exchange)

    def _lend(self, exchange: Exchange, content: bytes, first: int, until: int) -> Body:
        """Let an exchange read what is kept."""
        reader = self._lent[exchange] = self._parts.lending.lend(content, first, until)
        return reader.body

    def _rejoin(self, waiting: Waiting, key: Key, names: tuple[bytes, ...]) -> None:
        """Find an exchange what is of its kind: the answer that it has waited for is not for its request.

        Another request may have had that fetched and kept meanwhile: so it is looked for before it is fetched.
        """
        parts, exchange = self._parts, waiting.exchange
        parts.learn(key, exchange, names)
        found = self._store.find(key, self._requests.chosen(exchange), self._now())
        if isinstance(found, (Kept, Missed)):
            self._found_meanwhile(waiting, key, found)
        else:
            ensureDeferred(self._found_later(waiting, key, found))

    async def _found_later(self, waiting: Waiting, key: Key, asked: Awaitable[Kept | Missed]) -> None:
        found = await asked
        try:
            self._found_meanwhile(waiting, key, found)
        except Exception:  # noqa: BLE001 - whatever it is, the exchange fails as if its step had raised it
            waiting.errback(Failure())

    def _found_meanwhile(self, waiting: Waiting, key: Key, found: Kept | Missed) -> None:
        if waiting.told:
            return  # its client is gone
        exchange, now = waiting.exchange, self._now()
        kept = found if isinstance(found, Kept) else None
        if kept is not None and exchange.request.method == b"GET" and not self._parts.lending.may(kept.body):
            exchange.cached = "bypass"
            waiting.tell(None)
            return
        if kept is not None and waiting.wishes.fresh(kept, now):
            exchange.cached = "hit"
            says = hit(kept, now) if self._says else b""
            waiting.tell(answer(kept, exchange.request, now, says, partial(self._lend, exchange)))
            return
        waiting.kept = kept
        self._fetch(waiting, key, kept, found.stamp, b"vary-miss" if kept is None else b"stale")

    def on_response(self, exchange: Exchange) -> Awaitable[None] | None:
        """Say how the cache handled the request; forget what a request that changes something has changed."""
        if self._lent and exchange.pending is None:
            exchange.pending = self._lent.get(exchange)
        if exchange.cached == "hit":
            return None
        waited = self._waited.get(exchange)
        if waited is not None and waited.told:
            if waited.source is not None and exchange.pending is None:
                exchange.pending = waited.source
            _tell_of(exchange, waited.inner)
            if waited.answered:
                return None
        response = exchange.response
        assert response is not None
        if exchange.error is not None or exchange.cached in _OURS:
            return None
        key = self._passed.pop(exchange, None)
        if key is not None:
            self._look_again(exchange, key, response)
        parts = self._parts
        if parts.policy.tags:
            response.headers.remove(parts.policy.tags)
        if parts.says and response.status != 101:
            response.headers.add(NAME, _SAYS.get(exchange.cached, _METHOD))
        return self._invalidation.on_response(exchange)

    def on_finish(self, exchange: Exchange) -> None:
        """Count the outcome, and let go of what is left."""
        outcome = exchange.cached
        if outcome:
            self._counts[outcome].count += 1
        if self._lent:
            lent = self._lent.pop(exchange, None)
            if lent is not None:
                lent.cancel()
        if self._passed:
            self._passed.pop(exchange, None)
        if self._measured:
            measured = self._measured.pop(exchange, None)
            if measured is not None:
                key, body = measured
                if body.ended and body.received <= self._parts.most:
                    self._parts.learn(key, exchange, ())
        if self._waited:
            waited = self._waited.pop(exchange, None)
            if waited is not None:
                _tell_of(exchange, waited.inner)
                if waited.source is not None:
                    waited.source.cancel()

    def _look_again(self, exchange: Exchange, key: Key, response: Response) -> None:
        """Have the next request for the same fetched for the cache, where the answer to this one could be kept."""
        parts, now = self._parts, self._now()
        status = 200 if response.status in (206, 304) else response.status
        if chosen_by(response.headers) is None:
            return
        if keep(status, response.headers, parts.policy, identified(exchange), now, now) is None:
            return
        body, length = response.body, _length(response)
        if length is not None:
            if length <= parts.most:
                parts.learn(key, exchange, ())
        elif isinstance(body, Body):
            self._measured[exchange] = key, body


def _may_be_kept(request: Request) -> bool:
    """Whether a request has no condition that only the backend can judge."""
    return _BY_BACKEND.isdisjoint(request.headers.index)


def _length(response: Response) -> int | None:
    """Return how long the whole is that an answer is of; None where it does not say."""
    told = response.headers.index.get(b"content-range")
    if told is not None:
        total = told.rpartition(b"/")[2]
        return int(total) if total.isdigit() and len(total) <= 18 else sys.maxsize
    if isinstance(response.body, bytes):
        return len(response.body)
    return 0 if response.status == 304 else response.length


def _tell_of(exchange: Exchange, inner: Exchange | None) -> None:
    """Let the log and the metrics of an exchange tell of the backend that was asked for it."""
    if inner is not None:
        exchange.upstream = inner.upstream
        exchange.backend = inner.backend
        exchange.attempts = inner.attempts
        exchange.upstream_started = inner.upstream_started
        exchange.upstream_finished = inner.upstream_finished
        exchange.tell_of_attempts(inner)
