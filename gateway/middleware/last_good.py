"""Keep the last good answers of an upstream, and find them again (`circuit_breaker.fallback.cached`).

The innermost step of a chain: it sees the answer as the backend made it. An answer is
recorded while it passes to the client, and kept when the exchange is over. Apart from
caching (D-37).

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
from gateway.http.fields import FieldFilter
from gateway.message import KeptAnswer, Response
from gateway.middleware.sending import identified, values_sent
from gateway.resilience.last_good import Answer, LastGood, Values

_SAFE = frozenset([b"GET", b"HEAD", b"OPTIONS", b"TRACE"])


@dataclass(frozen=True, slots=True)
class Keeping:
    """How the answers of an upstream are kept.

    Attributes:
        store: Where they are kept.
        longest: Most octets of content of one answer.
        stale: Most seconds for which an answer may be used after it was fresh; its own `stale-if-error` may say less.
    """

    store: LastGood
    longest: int
    stale: float


@dataclass(frozen=True, slots=True)
class UnderWay:
    """An answer that is being recorded, and is kept when all of it has passed."""

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
    """Records answers as they pass.

    Args:
        keeping: How answers are kept, by the name of the upstream.
        passes: Which of the client's fields are forwarded.
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
        """Begin to record an answer that may be kept; after a request that changes its target, forget what was kept."""
        keeping, response = self._keeping.get(exchange.upstream or ""), exchange.response
        if keeping is None or response is None or exchange.error is not None:
            return
        method = exchange.request.method
        if method != b"GET":
            if method not in _SAFE and response.status < 400:
                keeping.store.forget(_key(exchange))  # RFC 9111 section 4.4
            return
        if exchange.request.body is not None:
            return  # the answer may depend on the content, which is not part of the key
        said = caching.directives(response.headers)
        varies = caching.varies(response.headers)
        if varies is None or not caching.may_keep(response.status, response.headers, said, identified(exchange)):
            return
        if (response.headers.get(b"content-type") or b"").lower().startswith(b"text/event-stream"):
            return  # an event stream does not end, and would reserve room for as long as it lasts
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
            values_sent(exchange, varies, self._passes),
            made,
            until,
        )

    def on_finish(self, exchange: Exchange) -> None:
        """Keep the recorded answer, if all of it came."""
        kept = self._under_way.pop(exchange, None)
        if kept is None:
            return
        kept.store.release(kept.reserved)
        content = b"" if kept.recording is None else kept.recording.content
        if content is not None:
            answer = Answer(kept.headers, content, kept.varies, kept.values, kept.made, kept.until)
            kept.store.keep(kept.key, answer)


class Recall:
    """Finds a kept answer for an exchange that cannot be forwarded.

    Args:
        store: Answers of the upstream that cannot be asked.
        now: Monotonic seconds.
        count: Counts the answers that were found.
    """

    __slots__ = ("_count", "_now", "_store")

    def __init__(self, store: LastGood, now: Callable[[], float], count: Callable[[], None]) -> None:
        self._store = store
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
        if request.method not in (b"GET", b"HEAD") or request.body is not None or _wants_no_copy(request.headers):
            return None
        now = self._now()
        answer = self._store.find(_key(exchange), lambda names: values_sent(exchange, names, passes), now)
        if answer is None:
            return None
        headers = answer.headers.copy()
        headers.set(b"Age", b"%d" % round(now - answer.made))
        # RFC 9211: `hit` says that the answer comes from a cache, fresh or not; `detail` says why.
        headers.add(b"Cache-Status", b'gateway; hit; detail="%b"' % error.reason.encode())
        headers.set(b"Gateway-Reason", error.reason.encode())
        self._count()
        return KeptAnswer(200, headers, answer.body)


def _wants_no_copy(headers: Headers) -> bool:
    """Whether the client refuses a stored answer (RFC 9111 sections 5.2.1.4 and 5.2.1.5)."""
    said = caching.directives(headers)
    return b"no-cache" in said or b"no-store" in said


def _key(exchange: Exchange) -> Hashable:
    request = exchange.request
    return exchange.scheme, request.host, request.target
