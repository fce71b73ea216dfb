"""Every pair of a phase and an event of a fetch; what clients get is in tests/flow/test_cache_coalescing.py."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

import pytest

from gateway.body import Body
from gateway.caching.flights import Flights, Room
from gateway.caching.freshness import Policy
from gateway.caching.kept import Kept
from gateway.caching.lending import Lending
from gateway.caching.memory import MemoryStore
from gateway.caching.normal import usual_codings
from gateway.caching.wishes import NO_WISHES
from gateway.errors import BackendReset
from gateway.exchange import Downstream, Exchange
from gateway.headers import HeaderBlock, Headers
from gateway.http.fields import FieldFilter
from gateway.message import Request, Response
from gateway.middleware.cache_fetch import Fetch
from gateway.middleware.cache_parts import Parts
from gateway.middleware.cache_phases import FOUND, NEXT, Event, Phase
from gateway.middleware.cache_request import Requests
from gateway.middleware.cache_waiting import Waiting
from gateway.peer import Peer
from tests.middleware.conftest import exchange_for

NOW = 1_780_000_000.0
MOST = 1000
FRESH = (b"Cache-Control", b"max-age=60")

IMPOSSIBLE = {
    Event.BEGUN: "who makes a fetch begins it, once",
    Event.JOINED: "nobody finds it then",
    Event.ASKED_ANEW: "a subrequest tells one answer, while it is waited for",
    Event.COMES: "a subrequest tells one answer, while it is waited for",
    Event.TOLD: "a subrequest tells an answer or an error, once, and nothing once it was cancelled",
    Event.WHOLE: "only what comes to be kept is recorded, and is whole once",
    Event.UNKEPT: "only what comes to be kept is recorded, and is given up once",
    Event.DROPPED: "nobody waits before it has begun, nor once all were told",
}
"""Why the pairs that are not in the table cannot be, by their event."""


class Asked:
    """Subrequests that a test answers (`gateway.middleware.cache_waiting.Ask`)."""

    def __init__(self, begin: Callable[[Exchange], None]) -> None:
        self._begin = begin
        self.closed = False
        self.requests: list[Request] = []

    def ask(self, request: Request, peer: Peer, timeout: float) -> None:
        self.requests.append(request)
        self._begin(Exchange(request, Downstream(), peer, 0.0, timeout))

    def cancel(self) -> None:
        self.closed = True


class Stage:
    """A fetch of what is kept and not fresh any more, which is brought into a phase."""

    def __init__(self, owned: bool = True, method: bytes = b"GET") -> None:
        self.subrequests: list[Asked] = []
        self.flights: Flights[Fetch] = Flights()
        self.room = Room(10 * MOST)
        self.store = MemoryStore(100_000)
        requests = Requests(b"s", "users", None, (), FieldFilter(frozenset()), usual_codings)
        rules = (requests, Policy(), self.store, self.flights, self.room, MOST, True)
        self.parts = Parts(*rules, lambda: NOW, self._ask, Lending(Room(MOST)))
        self.parts.begin = lambda inner: None
        self.method = method
        exchange = exchange_for(method=method)
        self.key = requests.key(exchange)
        block = HeaderBlock(Headers([(b"ETag", b'"1"'), (b"Date", b"Thu, 28 May 2026 20:26:40 GMT")]))
        kept = Kept(200, block, b"old", NOW - 9, NOW - 1, NOW - 1, NOW - 1, NOW + 9)
        self.owner = Waiting(exchange, NO_WISHES, kept)
        self.fetch = Fetch(self.parts, "name", self.key, kept, 1, b"stale", self.owner if owned else None)
        self.body = Body()

    def _ask(self, asker: object, begin: Callable[[Exchange], None]) -> Asked:
        self.subrequests.append(Asked(begin))
        return self.subrequests[-1]

    def made(self) -> None:
        """As it is."""

    def asked(self) -> None:
        self.fetch.begin(self.owner.exchange)

    def coming(self) -> None:
        self.asked()
        self.come()

    def passing(self) -> None:
        self.coming()
        self.body.push(b"x" * (MOST + 1))

    def over(self) -> None:
        self.asked()
        self.tell()

    # What happens.

    def join(self) -> Waiting:
        waiting = Waiting(exchange_for(), NO_WISHES, None)
        assert self.fetch.join(waiting)
        return waiting

    def answer(self, status: int, body: bytes | Body | None, *fields: tuple[bytes, bytes]) -> None:
        self.fetch.subrequest_answered(Response(status, Headers(fields), body))

    def come(self) -> None:
        self.answer(200, self.body, FRESH)

    def tell(self) -> None:
        self.answer(200, b"new", FRESH)

    def end(self) -> None:
        if self.fetch.phase is Phase.COMING:
            self.body.end()
        else:
            self.fetch._whole(b"")

    def break_off(self) -> None:
        if self.fetch.phase is Phase.COMING:
            self.body.fail()
        else:
            self.fetch._whole(None)

    def drop(self) -> None:
        if self.fetch.phase in (Phase.COMING, Phase.PASSING):
            source: Any = self.owner.source
            source.cancel()
        elif self.fetch.phase is Phase.ASKED:
            self.owner.cancel()
        else:
            self.fetch._end()


REACH: dict[Phase, Callable[[Stage], None]] = {
    Phase.MADE: Stage.made,
    Phase.ASKED: Stage.asked,
    Phase.COMING: Stage.coming,
    Phase.PASSING: Stage.passing,
    Phase.OVER: Stage.over,
}

CAUSE: dict[Event, Callable[[Stage], object]] = {
    Event.BEGUN: lambda stage: stage.fetch.begin(stage.owner.exchange),
    Event.JOINED: Stage.join,
    Event.ASKED_ANEW: lambda stage: stage.answer(304, None, (b"ETag", b'"2"')),
    Event.COMES: Stage.come,
    Event.TOLD: lambda stage: stage.fetch.subrequest_failed(BackendReset()),
    Event.WHOLE: Stage.end,
    Event.UNKEPT: Stage.break_off,
    Event.DROPPED: Stage.drop,
}


@pytest.mark.parametrize(("phase", "event"), list(product(Phase, Event)))
def test_what_follows_is_what_the_table_says(phase: Phase, event: Event) -> None:
    """Others find it in the phases of `FOUND` only; and what is not in the table is stopped."""
    stage = Stage()
    REACH[phase](stage)
    assert stage.fetch.phase is phase
    assert (stage.flights.find("name") is not None) == (phase in FOUND)
    if phase in NEXT[event]:
        CAUSE[event](stage)

        assert stage.fetch.phase is NEXT[event][phase]
        assert (stage.flights.find("name") is not None) == (stage.fetch.phase in FOUND)
        read = stage.fetch.phase in (Phase.COMING, Phase.PASSING) and event is not Event.UNKEPT  # broke off, for all
        assert bool(stage.room.taken) == read
        return
    assert event in IMPOSSIBLE
    # An answer before the question is stopped even earlier: there is no exchange that it could be of.
    unasked = phase is Phase.MADE and event in (Event.COMES, Event.ASKED_ANEW)
    with pytest.raises(AssertionError if unasked else KeyError):
        CAUSE[event](stage)


def test_an_answer_that_nobody_reads_gives_its_room_back() -> None:
    """Its readers are gone before it has come: what was set aside for it is free for others."""
    stage = Stage()
    stage.coming()
    joined = stage.join()
    assert stage.room.taken == MOST
    for waiting in (stage.owner, joined):
        source: Any = waiting.source
        source.cancel()

    assert stage.room.taken == 0
    assert stage.subrequests[0].closed


@pytest.mark.parametrize("owned", [False, True])
def test_what_comes_for_nobody_ends_where_it_cannot_be_kept(owned: bool) -> None:
    """A fetch in the background, or for a HEAD, whose answer is too long: nobody would take the rest of it."""
    stage = Stage(owned=owned, method=b"HEAD")
    stage.coming()
    assert (stage.fetch.phase, stage.subrequests[0].closed) == (Phase.COMING, False)

    stage.body.push(b"x" * (MOST + 1))

    assert (stage.fetch.phase, stage.subrequests[0].closed) == (Phase.OVER, True)


@pytest.mark.parametrize("owned", [False, True])
def test_what_comes_for_nobody_is_kept(owned: bool) -> None:
    """To its end, also when one who has joined is gone."""
    stage = Stage(owned=owned, method=b"HEAD")
    stage.coming()
    source: Any = stage.join().source
    stage.body.push(b"all")
    source.cancel()
    assert not stage.subrequests[0].closed
    stage.body.end()

    found = stage.store.find(stage.key, lambda names: (), NOW)
    assert isinstance(found, Kept)
    assert found.body == b"all"
