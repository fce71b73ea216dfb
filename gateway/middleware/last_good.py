"""Keep the last good answers of an upstream, and find them again (`circuit_breaker.fallback.cached`).

The innermost step of a chain: it sees the answer as the backend made it. An answer is recorded while it passes to the
client, and kept when the exchange is over. What may be kept, until when, and for whom, are the rules of
`gateway.caching`, and the store is one of its stores: apart from that of routes with `cache`, since an answer that says
nothing of its freshness is kept here too (D-37, D-371). What is purged from the cache is not given from here either
(D-353).

Tests: `tests/flow/test_last_good.py::test_what_was_good_last_is_answered_while_the_breaker_is_open`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from gateway.caching.flights import Room
from gateway.caching.freshness import Policy, chosen_by, keep
from gateway.caching.kept import Kept
from gateway.caching.key import Key, make_key, overriding
from gateway.caching.memory import MemoryStore
from gateway.caching.store import Chosen, Purge
from gateway.caching.wishes import wishes
from gateway.errors import BreakerOpen
from gateway.exchange import Exchange
from gateway.filters import Recording, filter_response
from gateway.headers import Headers
from gateway.http.fields import FieldFilter
from gateway.message import KeptAnswer, Response
from gateway.middleware.sending import identified, names_another, values_sent
from gateway.middleware.transformation import first_of

_SAFE = frozenset([b"GET", b"HEAD", b"OPTIONS", b"TRACE"])


class LastGood:
    """The answers of one upstream.

    Args:
        most: Octets that it may hold; those that are being recorded may be as many again.

    Attributes:
        store: Where they are kept.
        room: For those that are being recorded.
    """

    __slots__ = ("room", "store")

    def __init__(self, most: int) -> None:
        self.store = MemoryStore(most)
        self.room = Room(most)

    def resize(self, most: int) -> None:
        """Hold so many octets from now on."""
        self.store.resize(most)
        self.room.most = most


@dataclass(frozen=True, slots=True)
class Keeping:
    """How the answers of an upstream are kept.

    Attributes:
        answers: Those that are kept.
        longest: Most octets of content of one answer.
        stale: Most seconds for which an answer may be used after it was fresh; its own `stale-if-error` may say less.
    """

    answers: LastGood
    longest: int
    stale: float

    def until(self, kept: Kept) -> float:
        """Return the Unix seconds until which an answer may be given."""
        return min(kept.saved, kept.fresh + self.stale)


@dataclass(frozen=True, slots=True)
class UnderWay:
    """An answer that is being recorded, and is kept when all of it has passed."""

    answers: LastGood
    reserved: int
    key: Key
    names: tuple[bytes, ...]
    chosen: Chosen
    kept: Kept
    recording: Recording | None


class LastGoodStep:
    """Records answers as they pass.

    Args:
        keeping: How answers are kept, by the name of the upstream.
        passes: Which of the client's fields are forwarded.
        now: Unix seconds.
        tags: Lower-case name of the field with tags, where the route has a cache, which takes it out; else empty.
    """

    name = "last_good"
    __slots__ = ("_keeping", "_now", "_passes", "_policies", "_under_way")

    def __init__(
        self, keeping: Mapping[str, Keeping], passes: FieldFilter, now: Callable[[], float], tags: bytes = b""
    ) -> None:
        self._keeping = keeping
        self._policies = {name: Policy(ttl=0.0, saved=one.stale, tags=tags) for name, one in keeping.items()}
        self._passes = passes
        self._now = now
        self._under_way: dict[Exchange, UnderWay] = {}

    def on_response(self, exchange: Exchange) -> None:
        """Begin to record an answer that may be kept; after a request that changes its target, forget what was kept."""
        upstream, response = exchange.upstream or "", exchange.response
        keeping = self._keeping.get(upstream)
        if keeping is None or response is None or exchange.error is not None:
            return
        method, answers = exchange.request.method, keeping.answers
        key = _key(exchange)
        if method != b"GET":
            if method not in _SAFE and response.status < 400:
                answers.store.purge(Purge(url=key.url, query=key.query))  # RFC 9111 section 4.4
            return
        # With content in the request the answer may depend on that, which is not part of the key.
        if exchange.request.body is not None or response.status != 200 or names_another(exchange):
            return
        names, headers, now = chosen_by(response.headers), response.headers, self._now()
        if names is None:
            return
        kept = keep(200, headers, self._policies[upstream], identified(exchange), now, now, answers.store.stamp)
        if kept is None or now >= keeping.until(kept):
            return
        reserved = keeping.longest if response.length is None else response.length
        if reserved > keeping.longest or not answers.room.take(reserved):
            return
        recording = Recording(keeping.longest)
        filter_response(exchange, recording)
        values = values_sent(exchange, names, self._passes)
        told = dict(zip(names, values, strict=True))
        self._under_way[exchange] = UnderWay(
            answers,
            reserved,
            key,
            names,
            lambda others: tuple(told.get(name) for name in others),
            kept,
            recording if response.body is not None else None,
        )

    def on_finish(self, exchange: Exchange) -> None:
        """Keep the recorded answer, if all of it came."""
        ended = self._under_way.pop(exchange, None)
        if ended is None:
            return
        ended.answers.room.give_back(ended.reserved)
        content = b"" if ended.recording is None else ended.recording.content
        if content is not None:
            ended.kept.body = content
            ended.answers.store.keep(ended.key, ended.names, ended.chosen, ended.kept)


class Recall:
    """Finds a kept answer for an exchange that cannot be forwarded.

    Args:
        keeping: How the answers of the upstream that cannot be asked are kept.
        now: Unix seconds.
        count: Counts the answers that were found.
    """

    __slots__ = ("_count", "_keeping", "_now")

    def __init__(self, keeping: Keeping, now: Callable[[], float], count: Callable[[], None]) -> None:
        self._keeping = keeping
        self._now = now
        self._count = count

    def __call__(self, exchange: Exchange, error: BreakerOpen, passes: FieldFilter) -> Response | None:
        """Return the last good answer to the same request, None where there is none that may be given.

        Args:
            exchange: The exchange that is not forwarded.
            error: Why not.
            passes: Which of the client's fields would be forwarded.
        """
        request = exchange.request
        if request.method not in (b"GET", b"HEAD") or request.body is not None:
            return None
        wants, now = wishes(request.headers), self._now()
        if wants.validated or not wants.stored:  # RFC 9111 sections 5.2.1.4 and 5.2.1.5
            return None
        keeping = self._keeping
        kept = keeping.answers.store.find(_key(exchange), lambda names: values_sent(exchange, names, passes), now)
        if not isinstance(kept, Kept) or now >= keeping.until(kept):
            return None
        headers = Headers.over(kept.block)
        headers.add(b"Age", b"%d" % round(max(0.0, now - kept.born)))
        # RFC 9211: `hit` says that the answer comes from a cache, fresh or not; `detail` says why.
        headers.add(b"Cache-Status", b'gateway; hit; detail="%b"' % error.reason.encode())
        headers.set(b"Gateway-Reason", error.reason.encode())
        self._count()
        return KeptAnswer(200, headers, kept.body)


def _key(exchange: Exchange) -> Key:
    request, route = exchange.request, exchange.route
    name = "" if route is None else route.name
    came = first_of(request)
    # Where a rule has changed the query, others may be asked for by the same one: a purge of the URL meets all.
    query = came.query if came.query == request.query else None
    made = make_key(b"", name, exchange.scheme, request.host, exchange.path, request.target, query)
    made.primary += overriding(request.headers)
    return made
