"""One request to a backend for all who wait for the same answer.

# Note [Who gets what of a fetch]
A fetch is an exchange of its own (`gateway.forwarding.subrequest`), without a client: it goes on as long as one of
those who wait for it is there, whoever came first. Its answer goes to all of them where it may be kept; but only to
those whose requests have the same in the fields that the answer varies on: the others join fetches of their own kind.
An answer that may not be kept goes to the one that came first. All others go on to the backend themselves, at once, and
so does, as long as the key is remembered, who asks for the same later: nobody waits in a row for what is not shared.

How far it has come is a phase (`gateway.middleware.cache_phases`); how an answer is told is in
`gateway.middleware.cache_telling`.

A fetch that fails gives everybody the error, or what was kept, where that may be given in an error's place. `retry` of
the route has been at work by then, in the fetch.

Tests: `tests/flow/test_cache_coalescing.py::test_one_fetch_for_all_who_wait`.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Final

from twisted.python.failure import Failure

from gateway.body import Body
from gateway.caching.flights import Shared
from gateway.caching.freshness import KEEPABLE, chosen_by, keep
from gateway.caching.kept import Kept
from gateway.caching.key import Key
from gateway.caching.validation import CONDITIONS, is_about, made_fresh
from gateway.errors import GatewayError
from gateway.exchange import Exchange
from gateway.headers import Headers
from gateway.message import KeptAnswer, Request, Response
from gateway.middleware import cache_phases as phases
from gateway.middleware.cache_parts import Parts
from gateway.middleware.cache_phases import FOUND, Phase
from gateway.middleware.cache_telling import Telling
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
        owner: Whom it is made for; None where nobody waits for it, so that it is not ended when nobody does.

    Attributes:
        phase: How far it has come.
    """

    __slots__ = (
        "_inner",
        "_kept",
        "_key",
        "_name",
        "_owner",
        "_parts",
        "_reserved",
        "_stamp",
        "_subrequest",
        "_telling",
        "_waiting",
        "_when",
        "_why",
        "phase",
    )

    def __init__(
        self,
        parts: Parts,
        name: object,
        key: Key,
        kept: Kept | None,
        stamp: int,
        why: bytes,
        owner: Waiting | None,
    ) -> None:
        self.phase = Phase.MADE
        self._parts = parts
        self._name = name
        self._key = key
        self._kept = kept
        self._stamp = stamp
        self._why = why
        self._owner = owner
        self._waiting: list[Waiting] = []
        self._inner: Exchange | None = None
        self._subrequest: Ask | None = None
        self._telling: Telling | None = None
        self._reserved = 0
        self._when = 0.0

    def _go(self, column: dict[Phase, Phase]) -> None:
        """Enter the next phase: Note [The life of a fetch]."""
        self.phase = column[self.phase]
        if self.phase not in FOUND and self._name is not None:
            self._parts.flights.leave(self._name, self)
        if self.phase is Phase.OVER:
            # Octets are not held by what only the garbage collector finds.
            self._telling = self._kept = None

    # Those who wait.

    def begin(self, like: Exchange) -> None:
        """Ask the backend as an exchange would; it may have answered when this returns."""
        self._go(phases.BEGUN)
        if self._owner is not None:
            self._wait(self._owner)
        if self._name is not None:
            self._parts.flights.enter(self._name, self._key, self)
        self._ask(like, self._parts.requests.asked(like, self._kept))

    def join(self, waiting: Waiting) -> bool:
        """Let another exchange have the answer too, at once if it has begun; returns whether it is for that one."""
        self._go(phases.JOINED)
        telling = self._telling
        if telling is None:
            self._wait(waiting)
        elif not telling.fits(waiting):
            return False
        else:
            telling.stream(waiting)
        return True

    def leave(self, waiting: Waiting) -> None:
        """An exchange wants no answer any more."""
        if waiting not in self._waiting:
            return  # it is being told
        self._waiting.remove(waiting)
        inner = self._inner
        if waiting is self._owner:
            waiting.inner = inner
        if self._waiting or self._owner is None:
            return
        error = waiting.exchange.error
        if error is not None and inner is not None and inner.chain is not None:
            # It is out of time: the fetch has to be as well, so that its attempt counts against the backend.
            inner.chain.fail(inner, error)
        else:
            self._end()

    def _wait(self, waiting: Waiting) -> None:
        waiting.fetch = self
        self._waiting.append(waiting)

    def _ask(self, like: Exchange, request: Request) -> None:
        self._when = self._parts.now()
        subrequest = self._subrequest = self._parts.ask(self, partial(self._enter, like))
        subrequest.ask(request, like.peer, like.deadline - like.started)

    def _enter(self, like: Exchange, inner: Exchange) -> None:
        """Begin the exchange of the fetch, which is to the backend what the client's would have been."""
        self._inner = inner
        inner.inherit(like)
        inner.route = like.route
        inner.upstream = like.upstream
        inner.share_state(like)
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
            self._go(phases.TOLD)
            if self._owner is None:
                self._parts.rest(self._key)
            for waiting in self._take():
                waiting.tell(self._stale(waiting, now, b"%d" % response.status))
            return
        telling = Telling(self._parts, self._why, self._owner, inner)
        telling.new = self._keepable(telling, inner, response, now)
        if telling.new is None or not self._share(telling, telling.new, response):
            telling.new = None
            # An answer to the form of one request (406, 431) says nothing of what is kept: no client has it forgotten.
            if kept is not None and response.status in KEEPABLE and inner.error is None:
                self._parts.store.remove(self._key, self._parts.requests.chosen(inner))
            self._for_the_first(telling, inner, response)

    def subrequest_failed(self, error: GatewayError) -> None:
        """Give everybody what was kept, or the error."""
        self._go(phases.TOLD)
        if self._owner is None:
            self._parts.rest(self._key)
        now = self._parts.now()
        for waiting in self._take():
            waiting.fetch = None
            waiting.inner = self._inner
            response = self._stale(waiting, now, error.reason.encode())
            if response is None:
                waiting.errback(Failure(error))
            else:
                waiting.exchange.error = error
                response.headers.set(b"Gateway-Reason", error.reason.encode())
                waiting.tell(response)

    def _stale(self, waiting: Waiting, now: float, detail: bytes) -> Response | None:
        parts = self._parts
        return waiting.stale(now, detail, parts.says, partial(parts.lend, waiting.exchange))

    def subrequest_over(self) -> None:
        """The exchange is over; content that is there goes on to the readers."""

    def _keepable(self, telling: Telling, inner: Exchange, response: Response, now: float) -> Kept | None:
        parts = self._parts
        if inner.error is not None or isinstance(inner.response, KeptAnswer):
            return None
        names = chosen_by(response.headers)
        if names is None or (response.length or 0) > parts.most:
            return None
        telling.names = names
        return keep(response.status, response.headers, parts.policy, identified(inner), self._when, now, self._stamp)

    def _validated(self, inner: Exchange, kept: Kept, response: Response, now: float) -> None:
        """The backend says that what is kept is still good."""
        parts = self._parts
        chosen = parts.requests.chosen(inner)
        if not is_about(response.headers, kept):
            # It is about something that is not kept: ask for the whole.
            self._go(phases.ASKED_ANEW)
            parts.store.remove(self._key, chosen)
            self._kept = None
            again = ChangedRequest(inner.request)
            again.headers = Headers.of([field for field in inner.request.headers.fields if field[0] not in CONDITIONS])
            self._ask(inner, again)
            return
        telling = Telling(parts, self._why, self._owner, inner)
        headers, again_kept = made_fresh(kept, response.headers, parts.policy, identified(inner), self._when, now)
        names = chosen_by(headers)
        if again_kept is None or names is None:
            parts.store.remove(self._key, chosen)
            if parts.policy.tags:
                headers.remove(parts.policy.tags)
            self._for_the_first(telling, inner, Response(kept.status, headers, kept.body))
            return
        telling.names = names
        parts.store.refresh(self._key, names, chosen, again_kept)
        self._go(phases.TOLD)
        for waiting in self._who_fit(telling):
            telling.give_validated(waiting, again_kept)

    def _share(self, telling: Telling, new: Kept, response: Response) -> bool:
        """Give an answer that is to be kept to all; returns False where there is no room for it."""
        parts, body = self._parts, response.body
        if isinstance(body, Body) and body.ended and body.trailers is None and body.received <= parts.most:
            body = body.take()
        if isinstance(body, Body):
            reserved = parts.most if response.length is None else response.length
            if not parts.room.take(reserved):
                return False
            self._reserved = reserved
            self._share_parts(telling, response, body)
            return True
        new.body = body or b""
        if len(new.body) > parts.most:
            return False
        self._keep(telling, new)
        self._go(phases.TOLD)
        for waiting in self._who_fit(telling):
            if telling.is_own(waiting, response):
                telling.give_own(waiting, response.headers, Response(response.status, None, new.body))
            else:
                telling.give_kept(waiting, new)
        return True

    def _share_parts(self, telling: Telling, response: Response, body: Body) -> None:
        """Give an answer to all as it comes."""
        self._go(phases.COMES)
        self._telling = telling
        shared = telling.shared = Shared(self._parts.most, self._whole, self._alone, self._gone)
        for waiting in self._who_fit(telling):
            if telling.is_own(waiting, response):
                telling.stream_own(waiting, response)
            else:
                telling.stream(waiting, response.length)
        if shared.readers or self._lasts(telling):
            shared.flow(body)
        else:
            self._end()

    def _who_fit(self, telling: Telling) -> Iterator[Waiting]:
        """Yield those whom the answer is for; the others join fetches of their own kind."""
        for waiting in self._take():
            if not telling.fits(waiting):
                self._parts.rejoin(waiting, self._key, telling.names)
            elif not waiting.told:
                yield waiting

    def _for_the_first(self, telling: Telling, inner: Exchange, response: Response) -> None:
        """Give an answer that is not kept to the exchange that the fetch was made for."""
        parts, owner = self._parts, self._owner
        if response.status < 500:
            parts.pass_on(self._key, inner)
        elif owner is None:
            parts.rest(self._key)
        self._go(phases.TOLD)
        waiting = self._take()
        if owner is None or owner not in waiting:
            self._drop()
        else:
            if isinstance(response.body, Body):
                assert self._subrequest is not None
                owner.source = Passing(self._subrequest)
            if inner.error is not None:
                owner.exchange.error = inner.error
            kind = KeptAnswer if isinstance(inner.response, KeptAnswer) else Response
            own = kind(response.status, None, response.body, response.length, response.reason)
            telling.give_own(owner, response.headers, own)
        for other in waiting:
            if other is not owner:
                other.tell(None)

    # An answer that comes (gateway.caching.flights.Shared).

    def _whole(self, content: bytes | None) -> None:
        """All of the content is there; or it cannot be kept."""
        telling = self._telling
        self._go(phases.UNKEPT if content is None else phases.WHOLE)
        assert telling is not None and telling.new is not None and telling.shared is not None
        if content is not None:
            self._give_back(self._reserved - len(content))
            telling.new.body = content
            self._keep(telling, telling.new)
            return
        if self._inner is not None and not (telling.shared.ended or telling.shared.failed):
            # It is too long. Who asks for it later has it alone: no slow one of many holds the others.
            self._parts.pass_on(self._key, self._inner)
        if not telling.shared.readers:
            self._end()  # it came to be kept, and for nobody

    def _alone(self) -> None:
        """Nobody reads it any more."""
        assert self._telling is not None
        if self.phase is Phase.PASSING or not self._lasts(self._telling):
            self._end()

    def _gone(self) -> None:
        """Nothing of it is held any more, but what is kept."""
        self._give_back(self._reserved)

    def _give_back(self, octets: int) -> None:
        self._reserved -= octets
        self._parts.room.give_back(octets)

    def _lasts(self, telling: Telling) -> bool:
        """Whether the answer is fetched to the end though nobody reads it."""
        return self._owner is None or telling.unread

    def _keep(self, telling: Telling, new: Kept) -> None:
        parts, inner = self._parts, self._inner
        assert inner is not None
        parts.store.keep(self._key, telling.names, parts.requests.chosen(inner), new)
        parts.learn(self._key, inner, telling.names)

    def _take(self) -> list[Waiting]:
        waiting, self._waiting = self._waiting, []
        return waiting

    def _end(self) -> None:
        """End the request: nobody wants its answer."""
        telling = self._telling
        self._go(phases.DROPPED)
        self._drop()
        if telling is not None and telling.shared is not None:
            telling.shared.let_go()

    def _drop(self) -> None:
        if self._subrequest is not None:
            self._subrequest.cancel()
