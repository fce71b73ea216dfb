"""One request to a backend for all who wait for the same answer.

# Note [Who gets what of a fetch]
A fetch is an exchange of its own (`gateway.forwarding.subrequest`), without a client: it goes on as long as one of
those who wait for it is there, whoever came first. Its answer goes to all of them where it may be kept; but only to
those whose requests have the same in the fields that the answer varies on: the others join fetches of their own kind.
An answer that may not be kept goes to the one that came first. All others go on to the backend themselves, at once, and
so does, as long as the key is remembered, who asks for the same later: nobody waits in a row for what is not shared.

A fetch that fails gives everybody the error, or what was kept, where that may be given in an error's place. `retry` of
the route has been at work by then, in the fetch.

Tests: `tests/flow/test_cache_coalescing.py::test_one_fetch_for_all_who_wait`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from twisted.python.failure import Failure

from gateway.body import Body
from gateway.caching.flights import Shared
from gateway.caching.freshness import chosen_by, keep
from gateway.caching.kept import Kept
from gateway.caching.key import Key
from gateway.caching.status import NAME, forwarded
from gateway.caching.validation import CONDITIONS, client_has_by, is_about, made_fresh
from gateway.errors import GatewayError
from gateway.exchange import Exchange
from gateway.headers import Headers
from gateway.http.caching import directives
from gateway.message import KeptAnswer, Request, Response
from gateway.middleware.cache_answer import answer, less
from gateway.middleware.cache_parts import Parts
from gateway.middleware.cache_waiting import Ask, Passing, Waiting
from gateway.middleware.sending import identified
from gateway.middleware.transformation import ChangedRequest

FAILURES: Final = frozenset([500, 502, 503, 504])
"""RFC 5861 section 4: statuses in whose place a stale answer may be given."""


class Fetch:
    """A request for an answer that is to be kept (`gateway.forwarding.subrequest.Asker`).

    Args:
        parts: What the fetches of a route share.
        name: What others join it by; None for nobody.
        key: What is fetched.
        kept: What is validated, or fetched anew; None where nothing is kept.
        stamp: Of the look-up.
        why: The word for it in `Cache-Status`.
        background: Nobody waits for it, so it is not ended when nobody does.
    """

    __slots__ = (
        "_background",
        "_inner",
        "_kept",
        "_key",
        "_like",
        "_name",
        "_names",
        "_new",
        "_parts",
        "_reserved",
        "_shared",
        "_stamp",
        "_subrequest",
        "_waiting",
        "_when",
        "_why",
    )

    def __init__(
        self,
        parts: Parts,
        name: object,
        key: Key,
        kept: Kept | None,
        stamp: int,
        why: bytes,
        background: bool = False,
    ) -> None:
        self._parts = parts
        self._name = name
        self._key = key
        self._kept = kept
        self._stamp = stamp
        self._why = why
        self._background = background
        self._waiting: list[Waiting] = []
        self._like: Exchange | None = None
        self._inner: Exchange | None = None
        self._subrequest: Ask | None = None
        self._shared: Shared | None = None
        self._new: Kept | None = None
        self._names: tuple[bytes, ...] = ()
        self._reserved = 0
        self._when = 0.0

    # Those who wait.

    def begin(self, exchange: Exchange) -> None:
        """Ask the backend; it may have answered when this returns.

        Args:
            exchange: Whose request it is.
        """
        if self._name is not None:
            self._parts.flights.enter(self._name, self._key, self)
        self._ask(exchange, self._parts.requests.asked(exchange, self._kept))

    def join(self, waiting: Waiting) -> bool:
        """Let an exchange have the answer too, at once if it has begun; returns whether it can."""
        shared, new = self._shared, self._new
        if shared is None:
            waiting.fetch = self
            waiting.joined = bool(self._waiting) or self._background
            self._waiting.append(waiting)
            return True
        waiting.joined = True  # and so it has to fit
        if new is None or not shared.complete or not self._fits(waiting):
            waiting.joined = False
            return False
        self._stream(waiting, new, shared)
        return True

    def leave(self, waiting: Waiting) -> None:
        """An exchange wants no answer any more."""
        if waiting in self._waiting:
            self._waiting.remove(waiting)
            if not waiting.joined:
                waiting.inner = self._inner
            if not self._waiting and self._shared is None:
                error, inner = waiting.exchange.error, self._inner
                if error is not None and inner is not None and inner.chain is not None and not self._background:
                    # It is out of time: the fetch has to be as well, so that its attempt counts against the backend.
                    inner.chain.fail(inner, error)
                else:
                    self._alone()

    def _alone(self) -> None:
        """Nobody wants the answer."""
        if not self._background:
            self._over()
            self._drop()

    def _ask(self, like: Exchange, request: Request) -> None:
        self._like = like
        self._when = self._parts.now()
        subrequest = self._subrequest = self._parts.ask(self, self._enter)
        subrequest.ask(request, like.peer, like.deadline - like.started)

    def _enter(self, inner: Exchange) -> None:
        """Begin the exchange of the fetch, which is to the backend what the client's would have been."""
        like = self._like
        assert like is not None
        self._inner = inner
        inner.route = like.route
        inner.path = like.path
        inner.params = like.params
        inner.principal = like.principal
        inner.request_id = like.request_id
        inner.trace_id = like.trace_id
        inner.headers_out = list(like.headers_out)
        inner.upstream = like.upstream
        inner.share_state(like)
        self._like = None
        self._parts.begin(inner)

    # The answer (gateway.forwarding.subrequest.Asker).

    def subrequest_answered(self, response: Response) -> None:
        """Share the answer out: Note [Who gets what of a fetch]."""
        inner, kept, now = self._inner, self._kept, self._parts.now()
        assert inner is not None
        if kept is not None and inner.error is None and response.status == 304:
            self._validated(inner, kept, response, now)
            return
        # Who demands a newer answer than there is has a fetch of its own.
        demanded = any(waiting.wishes.demanding for waiting in self._waiting)
        if kept is not None and inner.error is not None and now < kept.saved and not demanded:
            self._drop()
            self.subrequest_failed(inner.error)  # a breaker is open, and the upstream has a fallback
            return
        if kept is not None and response.status in FAILURES and now < kept.saved and not demanded:
            self._drop()
            self._over()
            if self._background:
                self._parts.rest(self._key)
            for waiting in self._take():
                waiting.tell(waiting.stale(now, b"%d" % response.status, self._parts.says))
            return
        new = self._keepable(inner, response, now)
        if new is not None:
            self._new = new
            if not self._share(inner, new, response):
                new = self._new = None
        if new is None:
            if kept is not None and response.status < 500 and inner.error is None:
                self._parts.store.remove(self._key, self._parts.requests.chosen(inner))
            self._for_the_first(inner, response)

    def subrequest_failed(self, error: GatewayError) -> None:
        """Give everybody what was kept, or the error."""
        self._over()
        if self._background:
            self._parts.rest(self._key)
        now = self._parts.now()
        for waiting in self._take():
            waiting.fetch = None
            waiting.inner = self._inner
            response = waiting.stale(now, error.reason.encode(), self._parts.says)
            if response is None:
                waiting.errback(Failure(error))
            else:
                waiting.exchange.error = error
                response.headers.set(b"Gateway-Reason", error.reason.encode())
                waiting.tell(response)

    def subrequest_over(self) -> None:
        """The exchange is over; content that is there goes on to the readers."""

    def _keepable(self, inner: Exchange, response: Response, now: float) -> Kept | None:
        parts = self._parts
        if inner.error is not None or isinstance(inner.response, KeptAnswer):
            return None
        names = chosen_by(response.headers)
        if names is None or (response.length or 0) > parts.most:
            return None
        self._names = names
        return keep(response.status, response.headers, parts.policy, identified(inner), self._when, now, self._stamp)

    def _validated(self, inner: Exchange, kept: Kept, response: Response, now: float) -> None:
        """The backend says that what is kept is still good."""
        parts = self._parts
        chosen = parts.requests.chosen(inner)
        if not is_about(response.headers, kept):
            # It is about something that is not kept: ask for the whole.
            parts.store.remove(self._key, chosen)
            self._kept = None
            again = ChangedRequest(inner.request)
            again.headers = Headers.of([field for field in inner.request.headers.fields if field[0] not in CONDITIONS])
            self._ask(inner, again)
            return
        headers, again_kept = made_fresh(kept, response.headers, parts.policy, identified(inner), self._when, now)
        names = chosen_by(headers)
        if again_kept is None or names is None:
            parts.store.remove(self._key, chosen)
            if parts.policy.tags:
                headers.remove(parts.policy.tags)
            self._for_the_first(inner, Response(kept.status, headers, kept.body))
            return
        self._names = names
        parts.store.refresh(self._key, names, chosen, again_kept)
        self._over()
        for waiting in self._who_fit():
            waiting.exchange.cached = "revalidated"
            self._tell_kept(waiting, again_kept, forwarded(self._why, 304, collapsed=waiting.joined))

    def _share(self, inner: Exchange, new: Kept, response: Response) -> bool:
        """Give an answer that is to be kept to all; returns False where there is no room for it."""
        parts, body = self._parts, response.body
        if isinstance(body, Body) and body.ended and body.trailers is None and body.received <= parts.most:
            body = body.take()
        if isinstance(body, Body):
            reserved = parts.most if response.length is None else response.length
            if not parts.room.take(reserved):
                return False
            self._reserved = reserved
            self._share_parts(new, response, body)
            return True
        new.body = body or b""
        if len(new.body) > parts.most:
            return False
        self._keep(new)
        self._over()
        for waiting in self._who_fit():
            if self._takes_own(waiting, response):
                self._tell_own(waiting, response.headers, Response(response.status, None, new.body))
            else:
                waiting.exchange.cached = "collapsed" if waiting.joined else "miss"
                self._tell_kept(waiting, new, self._says(waiting))
        return True

    def _share_parts(self, new: Kept, response: Response, body: Body) -> None:
        """Give an answer to all as it comes."""
        shared = self._shared = Shared(self._parts.most, self._whole, self._alone)
        for waiting in self._who_fit():
            if self._takes_own(waiting, response):
                reader = waiting.source = shared.read(response.length)
                own = Response(response.status, None, reader.body, response.length)
                self._tell_own(waiting, response.headers, own)
            else:
                self._stream(waiting, new, shared, response.length)
        if shared.readers or self._background:
            shared.flow(body)
        else:
            self._whole(None)
            self._alone()

    def _who_fit(self) -> Iterator[Waiting]:
        """Yield those whom the answer is for; the others join fetches of their own kind."""
        for waiting in self._take():
            if not self._fits(waiting):
                self._parts.rejoin(waiting, self._key, self._names, self._stamp)
            elif not waiting.told:
                yield waiting

    def _takes_own(self, waiting: Waiting, response: Response) -> bool:
        """Whether an exchange gets the answer as it came: it has something for this client alone."""
        headers = response.headers
        return not waiting.joined and (b"set-cookie" in headers.index or bool(directives(headers).get(b"no-cache")))

    def _for_the_first(self, inner: Exchange, response: Response) -> None:
        """Give an answer that is not kept to the exchange that the fetch was made for."""
        parts = self._parts
        if response.status < 500:
            parts.pass_on(self._key, inner)
        elif self._background:
            parts.rest(self._key)
        self._over()
        waiting = self._take()
        first = next((one for one in waiting if not one.joined), None)
        if first is None:
            self._drop()
        else:
            if isinstance(response.body, Body):
                assert self._subrequest is not None
                first.source = Passing(self._subrequest)
            if inner.error is not None:
                first.exchange.error = inner.error
            kind = KeptAnswer if isinstance(inner.response, KeptAnswer) else Response
            own = kind(response.status, None, response.body, response.length, response.reason)
            self._tell_own(first, response.headers, own)
        for other in waiting:
            if other is not first:
                other.tell(None)

    def _tell_own(self, waiting: Waiting, headers: Headers, response: Response) -> None:
        """Give an answer as it came to the exchange that it is for."""
        parts, exchange = self._parts, waiting.exchange
        exchange.cached = "miss"
        waiting.inner = self._inner
        own = response.headers = headers.copy()
        if parts.policy.tags:
            own.remove(parts.policy.tags)
        if exchange.error is None:
            if parts.says:
                own.add(NAME, self._says(waiting))
            index = own.index
            asked = exchange.request.headers
            if client_has_by(asked, response.status, index.get(b"etag"), index.get(b"last-modified")):
                response = Response(304, less(own))
        if response.status == 304 or exchange.request.method == b"HEAD":
            response.body = None
            self._not_read(waiting)
        waiting.tell(response)

    def _not_read(self, waiting: Waiting) -> None:
        """An exchange needs no content: what is to be kept is fetched all the same."""
        source, waiting.source = waiting.source, None
        if self._shared is not None:
            self._background = True
        if source is not None:
            source.cancel()

    def _tell_kept(self, waiting: Waiting, kept: Kept, says: bytes) -> None:
        if not waiting.joined:
            waiting.inner = self._inner
        request = waiting.exchange.request
        waiting.tell(answer(kept, request, self._parts.now(), says if self._parts.says else b""))

    def _stream(self, waiting: Waiting, new: Kept, shared: Shared, length: int | None = None) -> None:
        """Let an exchange read the answer as it comes."""
        exchange = waiting.exchange
        exchange.cached = "collapsed" if waiting.joined else "miss"
        if not waiting.joined:
            waiting.inner = self._inner
        headers = Headers.over(new.block)
        age = int(self._parts.now() - new.born)
        headers.add(b"Age", b"%d" % max(0, age))
        if self._parts.says:
            headers.add(NAME, self._says(waiting))
        if client_has_by(exchange.request.headers, new.status, new.etag, new.modified):
            self._not_read(waiting)
            waiting.tell(Response(304, less(headers)))
        elif exchange.request.method == b"HEAD":
            self._not_read(waiting)
            waiting.tell(Response(new.status, headers, None, length))
        else:
            reader = waiting.source = shared.read(length)
            waiting.tell(Response(new.status, headers, reader.body, length))
            reader.pump()

    def _says(self, waiting: Waiting) -> bytes:
        stored = self._new is not None and not (self._shared is not None and not self._shared.complete)
        return forwarded(self._why, stored=stored, collapsed=waiting.joined)

    def _whole(self, content: bytes | None) -> None:
        """All of the content is there; or it cannot be kept."""
        self._parts.room.give_back(self._reserved)
        self._reserved = 0
        self._over()
        if content is not None and self._new is not None:
            self._new.body = content
            self._keep(self._new)

    def _keep(self, new: Kept) -> None:
        parts, inner = self._parts, self._inner
        assert inner is not None
        parts.store.keep(self._key, self._names, parts.requests.chosen(inner), new)
        parts.learn(self._key, inner, self._names)

    def _fits(self, waiting: Waiting) -> bool:
        """Whether the answer is for the request of an exchange: it has the same in what the answer varies on."""
        if not waiting.joined or not self._names:
            return True
        values = self._parts.requests.values
        assert self._inner is not None
        return values(waiting.exchange, self._names) == values(self._inner, self._names)

    def _take(self) -> list[Waiting]:
        waiting, self._waiting = self._waiting, []
        return waiting

    def _drop(self) -> None:
        if self._subrequest is not None:
            self._subrequest.cancel()

    def _over(self) -> None:
        """Let nobody join any more."""
        if self._name is not None:
            self._parts.flights.leave(self._name, self)
