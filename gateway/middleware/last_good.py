"""Keep the good answers of upstreams that fall back on them, and find them again (`circuit_breaker.fallback.cached`).

The innermost step: it sees what the backend said. An answer is recorded while
it passes on its way to the client, and kept once both are done with it.

Tests: `tests/flow/test_last_good.py::test_what_was_good_last_is_answered_while_the_breaker_is_open`.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass

from gateway.errors import BreakerOpen
from gateway.exchange import Exchange
from gateway.filters import Recording, filter_response
from gateway.headers import Headers
from gateway.http import caching
from gateway.http.fields import FieldFilter, passed_on
from gateway.message import Response
from gateway.resilience.last_good import Answer, LastGood, Values

_SAFE = frozenset([b"GET", b"HEAD", b"OPTIONS", b"TRACE"])
_SHOWS_WHO = (b"authorization", b"cookie", b"x-api-key")
"""Also where it is the backend that asks who is calling."""


@dataclass(frozen=True, slots=True)
class Keeping:
    """How the answers of an upstream are kept.

    Attributes:
        store: Where.
        longest: Most octets of content.
        stale: Seconds for which one may be used once it is not fresh any more, where it does not say itself.
    """

    store: LastGood
    longest: int
    stale: float


@dataclass(frozen=True, slots=True)
class UnderWay:
    """An answer that is kept when all of it has passed."""

    store: LastGood
    reserved: int
    key: Hashable
    headers: Headers
    recording: Recording | None
    varies: tuple[bytes, ...]
    values: Values
    made: float
    until: float


class LastGoodStep:
    """Records.

    Args:
        keeping: By the name of the upstream.
        passes: Which fields of the client's the backend is sent.
        now: Monotonic seconds.
    """

    name = "last_good"
    __slots__ = ("_keeping", "_now", "_passes", "_under_way")

    def __init__(self, keeping: Mapping[str, Keeping], passes: FieldFilter, now: Callable[[], float]) -> None:
        self._keeping = keeping
        self._passes = passes
        self._now = now
        self._under_way: dict[Exchange, UnderWay] = {}

    def on_response(self, exchange: Exchange) -> None:
        """Begin to record an answer that may be kept; a change of what was asked for makes what was kept worthless."""
        keeping, response = self._keeping.get(exchange.upstream or ""), exchange.response
        if keeping is None or response is None or exchange.error is not None:
            return
        method = exchange.request.method
        if method != b"GET":
            if method not in _SAFE and response.status < 400:
                keeping.store.forget(_key(exchange))  # RFC 9111 section 4.4
            return
        if exchange.request.body is not None:
            return  # the answer may be to the content, which is no part of the key
        said = caching.directives(response.headers)
        varies = caching.varies(response.headers)
        if varies is None or not caching.may_keep(response.status, response.headers, said, _identified(exchange)):
            return
        if (response.headers.get(b"content-type") or b"").lower().startswith(b"text/event-stream"):
            return  # it has no end, and would have room reserved for as long as it lasts
        now = self._now()
        made = now - caching.age(response.headers)
        until = made + caching.usable(response.headers, said, keeping.stale)
        reserved = keeping.longest if response.length is None else response.length
        if until <= now or reserved > keeping.longest or not keeping.store.reserve(reserved):
            return
        recording = Recording(keeping.longest)
        filter_response(exchange, recording)
        self._under_way[exchange] = UnderWay(
            keeping.store,
            reserved,
            _key(exchange),
            response.headers.copy(),
            recording if response.body is not None else None,
            varies,
            _values(exchange, varies, self._passes),
            made,
            until,
        )

    def on_finish(self, exchange: Exchange) -> None:
        """Keep it, if all of it came."""
        kept = self._under_way.pop(exchange, None)
        if kept is None:
            return
        kept.store.release(kept.reserved)
        content = b"" if kept.recording is None else kept.recording.content
        if content is not None:
            answer = Answer(kept.headers, content, kept.varies, kept.values, kept.made, kept.until)
            kept.store.keep(kept.key, answer)


class Recall:
    """Finds what was kept.

    Args:
        store: Of the upstream that cannot be asked.
        now: Monotonic seconds.
        count: Counts the answers that were found.
    """

    __slots__ = ("_count", "_now", "_store")

    def __init__(self, store: LastGood, now: Callable[[], float], count: Callable[[], None]) -> None:
        self._store = store
        self._now = now
        self._count = count

    def __call__(self, exchange: Exchange, error: BreakerOpen, passes: FieldFilter) -> Response | None:
        """Return the last good answer to the same question, None where there is none that may be given.

        Args:
            exchange: Who asks.
            error: Why the upstream is not asked.
            passes: Which fields of the client's it would be sent.
        """
        request = exchange.request
        if request.method not in (b"GET", b"HEAD") or request.body is not None or _wants_no_copy(request.headers):
            return None
        now = self._now()
        answer = self._store.find(_key(exchange), lambda names: _values(exchange, names, passes), now)
        if answer is None:
            return None
        headers = answer.headers.copy()
        headers.set(b"Age", b"%d" % round(now - answer.made))
        # RFC 9211: a hit, though perhaps not a fresh one; what for, the detail says.
        headers.add(b"Cache-Status", b'gateway; hit; detail="%b"' % error.reason.encode())
        headers.set(b"Gateway-Reason", error.reason.encode())
        self._count()
        return Response(200, headers, answer.body)


def _wants_no_copy(headers: Headers) -> bool:
    """RFC 9111 sections 5.2.1.4 and 5.2.1.5."""
    said = caching.directives(headers)
    return b"no-cache" in said or b"no-store" in said


def _identified(exchange: Exchange) -> bool:
    index = exchange.request.headers.index
    return exchange.principal is not None or any(name in index for name in _SHOWS_WHO)


def _key(exchange: Exchange) -> Hashable:
    request = exchange.request
    return exchange.scheme, request.host, request.target


def _values(exchange: Exchange, names: tuple[bytes, ...], passes: FieldFilter) -> Values:
    """Return what the backend is told in these fields.

    By the client as far as that passes, by steps of the chain, and by the gateway about the client: what the client
    says in a field that is not passed on has no part in the answer.
    """
    if not names:
        return ()
    request = exchange.request
    sent = [(b"host", request.host)]
    sent += [(lower, value) for lower, _, value in passed_on(request.headers, passes)]
    sent += [(name.lower(), value) for name, value in exchange.headers_out]
    for line in exchange.forwarding.encode(request.headers, request.host, request.version).split(b"\r\n"):
        name, _, value = line.partition(b": ")
        sent.append((name.lower(), value))
    told = [[value for lower, value in sent if lower == name] for name in names]
    return tuple(b", ".join(values) if values else None for values in told)
